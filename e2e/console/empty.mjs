// A gateway that nobody has called yet.

import assert from 'node:assert/strict';
import { good } from './audit.mjs';
import { clean, newPage, places, run, settled, step, texts, until, view } from './browser.mjs';

const text = (page, selector) => page.locator(selector).first().innerText();

await run(async (browser) => {
  const { page, seen } = await newPage(browser);
  await step('policies: no calls, nothing counted, no tenant', async () => {
    await view(page, '#/policies');
    await until(page, () => document.querySelectorAll('[data-traffic] .charts').length === 4);
    assert.match(await text(page, '[data-traffic="store"]'), /^0 calls in the last hour, none failed/);
    assert.match(await text(page, '[data-breaker="delivery"]'), /nothing has been counted yet/);
    assert.match(await text(page, '[data-panel="tenants"]'), /No tenant has called lately/);
    assert.equal(await page.locator('[data-panel="strays"]').count(), 0);
    await good(page);
  });
  await step('calls: says how to send one', async () => {
    await view(page, '#/calls');
    assert.match(await text(page, '[data-empty]'), /curl -i -H "X-Tenant-ID: acme"/);
    await good(page);
  });
  await step('calls: with a filter that nothing passes, leads back to all', async () => {
    await view(page, '#/calls?tenant=nobody');
    await page.locator('[data-empty] a').click();
    await until(page, () => location.hash === '#/calls' && document.querySelector('[data-empty] h2')?.textContent === 'No calls yet');
  });
  await step('one call that is not in the log', async () => {
    await view(page, '#/calls/0123456789abcdef', 'call');
    assert.match(await text(page, '[data-empty]'), /not in the log/);
    await good(page);
  });
  await step('drift: every operation waits for its first success', async () => {
    await view(page, '#/drift');
    assert.deepEqual(await texts(page, '[data-drift-state]'), Array(5).fill('… learning'));
    await good(page);
    await view(page, '#/drift/store/order_status', 'drift-one');
    assert.match(await text(page, '[data-view]'), /No structure is known yet/);
    await good(page);
  });
  await step('drift: an operation that there is not, in words', async () => {
    await view(page, '#/drift/store/nothing', 'drift-one');
    assert.equal(await page.locator('[data-trouble="404"]').count(), 1);
    await page.locator('[data-action="retry"]').click();
    await page.locator('[data-trouble="404"]').waitFor();
    await good(page);
  });
  await step('test: a form for each operation, with what it takes', async () => {
    await view(page, '#/test?policy=store&operation=place_order');
    assert.deepEqual(await page.locator('[data-input]').evaluateAll((all) => all.map((i) => `${i.dataset.input} ${i.localName} ${i.required}`)),
      ['product select true', 'amount input false', 'customer input true']);
    assert.deepEqual(await texts(page, '[data-input="product"] option'), ['choose …', 'teapot', 'cups']);
    await good(page);
    await page.locator('[name="operation"]').selectOption('');
    assert.equal(await page.locator('[name="path"]').inputValue(), '/');
    await good(page);
  });
  await step('alerts: nobody was told anything', async () => {
    await view(page, '#/alerts');
    assert.match(await text(page, '[data-view="alerts"]'), /mail|webhook/);
    await good(page);
  });
  await step('an address that means nothing leads to the policies', async () => {
    await view(page, '#/nonsense/%', '?');
    await page.locator('[data-empty] a').click();
    await settled(page, 'policies');
    await page.goto(`${places.console}/#/__proto__`);
    await page.locator('[data-empty]').waitFor();
  });
  // The two answers 404 that were provoked above are told to the console, too.
  seen.errors = seen.errors.filter((text) => !/status of 404/.test(text));
  clean(seen);
});
