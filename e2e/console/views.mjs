// Each view with data.

import assert from 'node:assert/strict';
import { ask, order, tellShop, traffic } from './bot.mjs';
import { good } from './audit.mjs';
import { clean, newPage, places, run, settled, step, texts, until, view } from './browser.mjs';

const text = (page, selector) => page.locator(selector).first().innerText();

await run(async (browser) => {
  await traffic();
  await tellShop('moved');
  await order(1003, 'success');
  const { page, seen } = await newPage(browser);

  await step('policies: each has its card with traffic, outcomes, breaker and operations', async () => {
    await view(page, '#/policies');
    assert.deepEqual(await texts(page, '[data-policy] h2'), ['The catalog', 'Customers', 'Parcels and their ways', 'The store']);
    await until(page, () => document.querySelector('[data-traffic="store"]')?.textContent.includes('calls in the last hour'));
    const store = await text(page, '[data-traffic="store"]');
    for (const outcome of ['success', 'client_error', 'server_error', 'timeout', 'rejected', 'bad_request']) assert.match(store, new RegExp(outcome), 'the legend of the store');
    assert.equal(await page.locator('[data-policy="delivery"] [data-breaker-state="open"]').count(), 1);
    await page.locator('[data-policy="store"] [data-details="operations"] summary').click();
    assert.match(await text(page, '[data-operation="order_status"]'), /Where is my order\?[\s\S]*vars\.status == "shipped"/);
    await page.locator('[data-policy="store"] [data-details="settings"] summary').click();
    assert.match(await text(page, '[data-policy="store"] [data-details="settings"]'), /2 s[\s\S]*bearer/);
    assert.match(await text(page, '[data-panel="strays"]'), /^1 call of the last hour named no policy/);
    await good(page);
  });
  await step('tenants: the one nearest to its limit comes first', async () => {
    const first = page.locator('[data-panel="tenants"] tbody tr').first();
    assert.equal(await first.getAttribute('data-tenant'), 'corner-shop');
    assert.match(await first.innerText(), /100 %[\s\S]*0 of 6/);
    await first.locator('a').click();
    await settled(page, 'calls');
    assert.equal(new URL(page.url()).hash, '#/calls?tenant=corner-shop');
    assert.deepEqual([...new Set(await texts(page, '[data-call] [data-label="Tenant"]'))], ['corner-shop']);
  });
  await step('calls: newest first, each outcome by its word', async () => {
    await view(page, '#/calls');
    const { answer } = await ask('calls?limit=50');
    const shown = await page.locator('tr[data-call]').evaluateAll((rows) => rows.map((row) => row.dataset.call));
    assert.deepEqual(shown, answer.calls.map((c) => c.id));
    assert.ok(shown.length > 15);
    assert.ok((await texts(page, '[data-call] .reason')).some((reason) => reason.includes('Rate Limit Exceeded')));
    await good(page);
  });
  await step('one call: why this route, with each hint and what it read', async () => {
    const { answer } = await ask('calls?outcome=timeout');
    await view(page, `#/calls/${answer.calls[0].id}`, 'call');
    assert.deepEqual(await texts(page, '[data-hint] .badge'), ['– did not hold', '– did not hold', '– did not hold', '! error, did not hold']);
    assert.match(await text(page, '[data-hint="slow"]'), /outcome == "timeout"[\s\S]*outcome = "timeout"/);
    assert.match(await text(page, '.sentence'), /none of 4 hints held/);
    assert.equal(await page.locator('[data-phase="attempt"]').count(), 1);
    const link = page.locator('[data-link="trace"]');
    assert.equal(await link.getAttribute('href'), `http://127.0.0.1:16686/trace/${answer.calls[0].trace_id}`);
    assert.equal(await link.getAttribute('rel'), 'noopener noreferrer');
    await good(page);
  });
  await step('one call: what went out holds no secret, and retries stand in the waterfall', async () => {
    const { answer } = await ask('calls?outcome=server_error&policy=store');
    await view(page, `#/calls/${answer.calls[0].trace_id}`, 'call');
    assert.equal(await page.locator('[data-phase="attempt"]').count(), 2);
    assert.equal(await page.locator('[data-phase="pause"]').count(), 1);
    assert.ok(await page.locator('[data-part="sent"] mark.redacted').count() > 0);
    assert.ok(!(await page.content()).includes('token-that-nobody-sees'));
    await page.locator('details').evaluateAll((all) => all.forEach((one) => { one.open = true; }));
    await good(page);
  });
  await step('one call: a hint that held names the route', async () => {
    const { answer } = await ask('calls?route=preparing');
    await view(page, `#/calls/${answer.calls[0].id}`, 'call');
    assert.equal(await text(page, '.sentence'), 'Route preparing: hint 2 of the 2 that were asked held.');
    assert.match(await text(page, '[data-hint="preparing"]'), /✓ held[\s\S]*vars\.status = "paid"/);
    assert.match(await text(page, '[data-variables="vars"]'), /items[\s\S]*Teapot, blue/);
  });
  await step('drift: what changed, then and now, and the line to write instead', async () => {
    await view(page, '#/drift');
    assert.equal(await text(page, '[data-drift="store.order_status"] [data-drift-state]'), '≠ drifting');
    await good(page);
    await page.locator('[data-drift="store.order_status"] a').click();
    await settled(page, 'drift-one');
    assert.match(await text(page, '[data-change="$.order.status"]'), /extract status \$\.order\.state/);
    assert.ok(await page.locator('[data-kind="removed"]').count() > 0);
    assert.ok(await page.locator('[data-kind="added"]').count() > 0);
    await good(page);
  });
  await step('test: the answer, its values and why', async () => {
    await view(page, '#/test?policy=catalog&operation=product');
    await page.locator('[data-input="sku"]').fill('teapot');
    await page.locator('[data-action="send"]').click();
    await page.locator('[data-part="answer"]').waitFor();
    assert.equal(await page.locator('[data-part="tree"] [role="treeitem"]').count(), 7);
    assert.match(await text(page, '[data-part="why"]'), /affordable/);
    await good(page);
  });
  await step('alerts: what was told, and why it was not', async () => {
    await until(page, async () => (await (await fetch('signpost/alerts')).json()).alerts.some((a) => a.last_error));
    await view(page, '#/alerts');
    assert.match(await text(page, '[data-alert="delivery"] [data-label="Failed calls since"]'), /^\d/);
    await good(page);
  });
  await step('every answer of the console carries its headers', async () => {
    for (const path of ['/', '/app.js', '/signpost/info', '/signpost/calls/none', '/none.js']) {
      const { headers } = await fetch(places.console + path);
      assert.match(headers.get('Content-Security-Policy'), /^default-src 'none'; script-src 'self';/, path);
      assert.equal(headers.get('X-Content-Type-Options'), 'nosniff', path);
    }
  });
  clean(seen);
});
