// Bots that call the gateway.

import assert from 'node:assert/strict';
import http from 'node:http';
import { places } from './browser.mjs';

// call has a bot call, byte for byte as it is written, and gives the answer.
export function call(path, { method = 'GET', tenant = 'acme', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(places.gateway);
    const request = http.request({ hostname, port, path, method, agent: false, headers: { 'X-Tenant-ID': tenant, ...headers } }, (response) => {
      response.resume();
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, outcome: response.headers['signpost-outcome'], route: response.headers['signpost-route'] }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

// order asks for an order, which must have this outcome.
export async function order(number, outcome, options) {
  const answer = await call(`/store/orders/${number}`, options);
  assert.equal(answer.outcome, outcome, `order ${number}: outcome`);
  return answer;
}

// tellShop changes how the shop answers.
export async function tellShop(word) {
  const response = await fetch(`${places.shop}/control/${word}`, { method: 'POST' });
  assert.equal(response.status, 200, `telling the shop ${word}`);
}

// ask asks the operator API.
export async function ask(where, init, base = places.console) {
  const response = await fetch(`${base}/signpost/${where}`, init);
  return { status: response.status, answer: await response.json() };
}

// place sends a named call.
export const place = (input, options) => call('/call/store/place_order', {
  method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(input), ...options,
});

// traffic is calls of all kinds.
export async function traffic() {
  const late = order(9001, 'timeout');
  await order(1001, 'success');
  await order(1002, 'success', { tenant: 'globex' });
  await order(2001, 'success');
  await order(4711, 'client_error');
  await order(5001, 'server_error');
  assert.equal((await place({ product: 'teapot', customer: 'Ada' })).outcome, 'rejected');
  assert.equal((await place({ product: 'sofa' })).outcome, 'bad_request');
  for (const sku of ['teapot', 'cups', 'tray']) await call(`/catalog/products/${sku}`, { tenant: 'globex' });
  for (let n = 0; n < 7; n += 1) await call('/catalog/products/teapot', { tenant: 'corner-shop' });
  await call('/nowhere/at/all');
  for (let n = 0; n < 3; n += 1) await call('/delivery/orders/5002');
  await late;
}
