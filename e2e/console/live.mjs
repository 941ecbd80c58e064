// What happens while somebody looks, and what they change.

import assert from 'node:assert/strict';
import { ask, call, order, tellShop } from './bot.mjs';
import { clean, newPage, run, settled, step, until, view } from './browser.mjs';

const text = (page, selector) => page.locator(selector).first().innerText();

// confirmed presses a button and says yes to what it asks back.
async function confirmed(page, selector, before = async () => {}) {
  await page.locator(selector).click();
  await page.locator('dialog[open]').waitFor();
  await before();
  await page.locator('[data-confirm="yes"]').click();
  await page.locator('dialog').waitFor({ state: 'detached' });
}

const toast = (page, words) => until(page, (w) => document.querySelector('[data-toast]').textContent.includes(w), words);

await run(async (browser) => {
  for (let n = 1000; n < 1060; n += 1) await order(n, 'success');
  const { page, seen } = await newPage(browser);

  await step('a new call arrives on top, and what is being read stays where it is', async () => {
    await view(page, '#/calls');
    assert.equal(await page.locator('[data-call]').count(), 50);
    const before = await page.evaluate(() => {
      window.reloaded = false;
      const link = document.querySelectorAll('[data-call] a')[20];
      link.focus();
      link.scrollIntoView({ block: 'center' });
      return { call: link.closest('tr').dataset.call, top: link.getBoundingClientRect().top };
    });
    await order(4000, 'client_error');
    await order(4001, 'client_error');
    await until(page, () => document.querySelectorAll('[data-call] [data-outcome="client_error"]').length === 2);
    const after = await page.evaluate(() => {
      const link = document.activeElement;
      return { call: link.closest('tr')?.dataset.call, top: link.getBoundingClientRect().top, reloaded: window.reloaded };
    });
    assert.deepEqual({ ...after, top: Math.round(after.top) }, { ...before, top: Math.round(before.top), reloaded: false });
  });
  await step('a new call glows, but not for those who want less motion', async () => {
    const glow = async (reducedMotion, number) => {
      await page.emulateMedia({ reducedMotion });
      const { headers } = await order(number, 'success');
      await until(page, async (trace) => {
        const one = await (await fetch(`signpost/calls/${trace}`)).json();
        return document.querySelector(`[data-call="${one.id}"].fresh`);
      }, headers['signpost-trace']);
      return page.evaluate(() => getComputedStyle(document.querySelector('[data-call].fresh')).animationName);
    };
    assert.equal(await glow('no-preference', 1101), 'arrive');
    assert.equal(await glow('reduce', 1102), 'none');
  });
  await step('older calls are loaded on demand', async () => {
    const before = await page.locator('[data-call]').count();
    await page.locator('[data-action="older"]').click();
    await until(page, (n) => document.querySelectorAll('[data-call]').length > n, before);
    const ids = await page.locator('[data-call]').evaluateAll((rows) => rows.map((row) => row.dataset.call));
    assert.equal(new Set(ids).size, ids.length, 'each call once');
  });
  await step('filters are in the address, and a reload and the way back keep them', async () => {
    await view(page, '#/calls');
    await page.locator('[name="outcome"]').selectOption('client_error');
    await until(page, () => location.hash === '#/calls?outcome=client_error' && document.querySelectorAll('[data-call]').length === 2);
    await page.locator('[name="tenant"]').fill('acme');
    await until(page, () => location.hash === '#/calls?outcome=client_error&tenant=acme');
    await page.reload();
    await settled(page, 'calls');
    assert.equal(await page.locator('[name="outcome"]').inputValue(), 'client_error');
    assert.equal(await page.locator('[data-call]').count(), 2);
    await page.locator('[data-call] a').first().click();
    await settled(page, 'call');
    await page.goBack();
    await settled(page, 'calls');
    assert.equal(await page.locator('[name="tenant"]').inputValue(), 'acme');
    await page.locator('[name="outcome"]').selectOption('');
    await until(page, () => document.querySelectorAll('[data-call]').length === 50);
  });
  await step('the way back leads to where one was in the list', async () => {
    await page.evaluate(() => window.scrollTo(0, 900));
    const before = await page.evaluate(() => window.scrollY);
    assert.ok(before > 500, `scrolled to ${before}`);
    await page.evaluate(() => document.elementFromPoint(400, 400).closest('tr').querySelector('a').click());
    await settled(page, 'call');
    assert.equal(await page.evaluate(() => window.scrollY), 0);
    await page.goBack();
    await settled(page, 'calls');
    await until(page, (y) => Math.abs(window.scrollY - y) < 5, before);
  });
  await step('a paused list asks for nothing, and goes on at once', async () => {
    const { page: other, seen: seenThere } = await newPage(browser);
    await other.clock.install();
    await view(other, '#/calls');
    await other.locator('[data-action="pause"]').click();
    const top = await other.locator('[data-call]').first().getAttribute('data-call');
    await order(1201, 'success');
    const requests = seenThere.requests;
    await other.clock.runFor(10000);
    assert.equal(seenThere.requests, requests);
    assert.equal(await other.locator('[data-call]').first().getAttribute('data-call'), top);
    await other.locator('[data-action="pause"]').click();
    await until(other, (id) => document.querySelector('[data-call]').dataset.call !== id, top);
    clean(seenThere);
    await other.context().close();
  });
  await step('the numbers of a policy move, and the focus stays', async () => {
    await view(page, '#/policies');
    const total = () => page.evaluate(() => Number(document.querySelector('[data-traffic="catalog"] .totals strong')?.textContent ?? NaN));
    await until(page, () => document.querySelector('[data-traffic="catalog"] .totals'));
    assert.equal(await total(), 0);
    await page.locator('[data-policy="catalog"] [data-details="settings"] summary').focus();
    await call('/catalog/products/teapot');
    await until(page, () => document.querySelector('[data-traffic="catalog"] .totals strong').textContent === '1');
    assert.equal(await page.evaluate(() => document.activeElement.closest('[data-policy]').dataset.policy), 'catalog');
  });
  await step('a breaker opens before one’s eyes, and counts down to its probe', async () => {
    for (let n = 0; n < 2; n += 1) await call('/delivery/orders/5000');
    const counts = await page.evaluate(() => new Promise((resolve) => {
      const said = [];
      const look = () => {
        const element = document.querySelector('[data-breaker="delivery"] .countdown');
        const words = element?.textContent;
        if (words && words !== said.at(-1)) said.push(words);
        if (words === 'probes with the next call') resolve(said);
        else requestAnimationFrame(look);
      };
      look();
    }));
    const seconds = counts.slice(0, -1).map((words) => Number(words.match(/^probes in (\d+) s$/)[1]));
    assert.ok(seconds.length >= 2, `it counted ${counts}`);
    assert.deepEqual(seconds, [...seconds].sort((a, b) => b - a), `it counted ${counts}`);
  });
  await step('a breaker is held open by hand, and is reset', async () => {
    await confirmed(page, '[data-breaker="delivery"] [data-action="breaker-hold-open"]', async () => {
      await page.locator('dialog [name="for"]').selectOption('5m');
    });
    await page.locator('[data-breaker="delivery"] [data-held="open"]').waitFor();
    await toast(page, 'delivery is held open');
    assert.match(await text(page, '[data-held="open"]'), /held open by hand for [45] min/);
    assert.equal((await call('/delivery/orders/1001')).outcome, 'circuit_open');
    await confirmed(page, '[data-breaker="delivery"] [data-action="breaker-reset"]');
    await page.locator('[data-held]').waitFor({ state: 'detached' });
    assert.equal((await call('/delivery/orders/1001')).outcome, 'success');
    await page.locator('[data-breaker="delivery"] [data-action="breaker-hold-open"]').click();
    await page.locator('dialog button', { hasText: 'Cancel' }).click();
    await page.locator('dialog').waitFor({ state: 'detached' });
    assert.equal((await call('/delivery/orders/1001')).outcome, 'success', 'after a hold that was canceled');
  });
  await step('a structure drifts, is accepted, and the page says so', async () => {
    await view(page, '#/drift');
    assert.equal(await page.locator('[data-drift="store.order_status"] [data-drift-state="watching"]').count(), 1);
    await tellShop('moved');
    assert.equal((await order(1301, 'success')).headers['signpost-drift'], 'JSON Structure Change Detected');
    await page.locator('[data-drift="store.order_status"] [data-drift-state="drifting"]').waitFor();
    await page.locator('[data-drift="store.order_status"] a').click();
    await settled(page, 'drift-one');
    await confirmed(page, '[data-action="drift-accept"]');
    await toast(page, 'Accept: done for store.order_status');
    await page.locator('[data-drift-state="watching"]').waitFor();
    assert.match(await text(page, '[data-part="structure"]'), /state: string/);
    assert.equal((await order(1302, 'success')).headers['signpost-drift'], undefined);
    await tellShop('back');
  });
  await step('a test call is sent, and a click on a value shows how to read it', async () => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await view(page, '#/policies');
    await page.locator('[data-policy="store"] [data-details="operations"] summary').click();
    await page.locator('[data-operation="order_status"] a', { hasText: 'test' }).click();
    await settled(page, 'test');
    await page.locator('[data-input="order_number"]').fill('1001');
    await page.locator('[name="tenant"]').fill('globex');
    await page.locator('[data-action="send"]').click();
    await page.locator('[data-path="$.order.items[1].name"]').click();
    assert.match(await text(page, '[data-part="picked"]'), /\$\.order\.items\[1\]\.name[\s\S]*extract name_2 \$\.order\.items\[1\]\.name/);
    await page.locator('[data-part="picked"] [data-copy="the extract line"]').click();
    await toast(page, 'Copied the extract line');
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'extract name_2 $.order.items[1].name');
    assert.match(await text(page, '[data-part="why"]'), /shipped[\s\S]*✓ held/);
    await page.locator('a', { hasText: 'See the whole call' }).click();
    await settled(page, 'call');
    assert.match(await text(page, '[data-part="facts"]'), /globex on plan gold/);
  });
  await step('a test call that is wrong is told so, in the form or by the gateway', async () => {
    await view(page, '#/test?policy=store&operation=place_order');
    await page.locator('[data-input="product"]').selectOption('cups');
    await page.locator('[data-input="customer"]').fill('Ada');
    await page.locator('[data-input="amount"]').fill('many');
    await page.locator('[data-action="send"]').click();
    await until(page, () => document.querySelector('[data-complaint]').textContent === 'amount must be a number.');
    await page.locator('[data-input="amount"]').fill('2');
    await page.locator('[data-action="send"]').click();
    await page.locator('[data-part="verdict"] [data-outcome="rejected"]').waitFor();
    assert.equal(await text(page, '[data-complaint]'), '');
  });
  await step('an alert is reset', async () => {
    await view(page, '#/alerts');
    await confirmed(page, '[data-alert="delivery"] [data-action="alert-reset"]');
    await toast(page, 'The alerts of delivery are reset.');
    assert.equal((await ask('alerts')).status, 200);
  });
  clean(seen);
});
