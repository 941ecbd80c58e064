// A console without allow_changes.

import assert from 'node:assert/strict';
import { ask, order, tellShop, traffic } from './bot.mjs';
import { good } from './audit.mjs';
import { clean, newPage, places, run, step, until, view } from './browser.mjs';

// CHANGES are all requests that change something, or cost a call.
const CHANGES = [
  ['breakers/delivery/reset'], ['breakers/delivery/hold', { state: 'open' }], ['drift/store/order_status/accept'],
  ['drift/store/order_status/ignore'], ['drift/store/order_status/forget'], ['drift/store/order_status/pin'],
  ['alerts/delivery/reset'], ['test', { policy: 'store', operation: 'order_status', vars: { order_number: '1001' } }],
];

// state is all that the changes could change.
const state = async () => {
  const [breakers, drift, alerts, calls] = await Promise.all(['breakers', 'drift', 'alerts', 'calls?limit=1000'].map((where) => ask(where)));
  return {
    held: breakers.answer.breakers.map((b) => [b.policy, b.held, b.cells.length]),
    drift: drift.answer.operations.map((o) => [o.operation, o.state, o.ignored, o.pinned]),
    alerts: alerts.answer.alerts.map((a) => [a.policy, a.failed, a.drifted]),
    calls: calls.answer.calls.length,
  };
};

await run(async (browser) => {
  await traffic();
  await tellShop('moved');
  await order(1003, 'success');
  const { page, seen } = await newPage(browser);
  for (const [hash, name] of [['#/policies'], ['#/calls'], ['#/drift'], ['#/drift/store/order_status', 'drift-one'], ['#/test'], ['#/alerts']]) {
    await step(`nothing that changes is offered in ${hash}`, async () => {
      await view(page, hash, name, places.window);
      if (hash === '#/policies') await until(page, () => document.querySelector('[data-breaker-state]'));
      const actions = await page.locator('[data-action]').evaluateAll((all) => all.filter((one) => one.checkVisibility()).map((one) => one.dataset.action));
      assert.deepEqual(actions, hash === '#/calls' ? ['pause'] : []);
      assert.equal(await page.locator('[data-changes]').innerText(), 'read-only');
      await good(page);
    });
  }
  await step('the page says how changes are allowed', async () => {
    await view(page, '#/test', 'test', places.window);
    assert.match(await page.locator('[data-empty]').innerText(), /allow_changes/);
  });
  await step('the API refuses every change, of the page and of programs alike', async () => {
    const before = await state();
    for (const [where, body] of CHANGES) {
      const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body ?? {}) };
      const inPage = await page.evaluate(async ([to, what]) => (await fetch(to, what)).status, [`signpost/${where}`, init]);
      const { status, answer } = await ask(where, init, places.window);
      assert.deepEqual([where, inPage, status], [where, 403, 403]);
      assert.match(answer.detail, /allow_changes/);
    }
    assert.deepEqual(await state(), before);
  });
  seen.errors = seen.errors.filter((text) => !/status of 403/.test(text));
  clean(seen);
});
