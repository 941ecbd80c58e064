// The console without a mouse.

import assert from 'node:assert/strict';
import { ask, order, tellShop, traffic } from './bot.mjs';
import { clean, newPage, run, settled, step, until, view } from './browser.mjs';

// stops are all elements that Tab must reach, marked by their order. It runs
// in the page.
function stops() {
  const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
    .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.disabled && element.tabIndex >= 0);
  all.forEach((element, at) => { element.dataset.stop = at; });
  return all.length;
}

// focused tells where the focus is, and whether one sees it. It runs in the
// page.
function focused() {
  const element = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  return { stop: element.dataset.stop ?? '', seen: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1, what: `${element.localName} ${element.textContent.slice(0, 40)}` };
}

// tabbed walks through a page by Tab alone: each stop in its order, and each to
// be seen.
async function tabbed(page) {
  // What comes by itself while one walks is not what is tested here.
  await page.context().setOffline(true);
  const count = await page.evaluate(stops);
  assert.ok(count > 6, `${count} stops`);
  await page.evaluate(() => { document.activeElement.blur(); getSelection().removeAllRanges(); document.querySelector('[data-skip]').focus(); });
  for (let at = 0; at < count; at += 1) {
    const { stop, seen, what } = await page.evaluate(focused);
    assert.equal(stop, String(at), `stop ${at} of ${count} is ${what}`);
    assert.ok(seen, `nobody sees the focus on ${what}`);
    await page.keyboard.press('Tab');
  }
  await page.context().setOffline(false);
}

const focusOn = (page, selector) => until(page, (s) => document.activeElement?.matches(s), selector);

await run(async (browser) => {
  await traffic();
  await tellShop('moved');
  await order(1003, 'success');
  const { page, seen } = await newPage(browser);
  await step('the first stop skips the navigation', async () => {
    await view(page, '#/policies');
    await page.keyboard.press('Tab');
    await focusOn(page, '[data-skip]');
    await page.keyboard.press('Enter');
    await focusOn(page, 'main');
  });
  await step('the views are reached by Tab and Enter, and their heading takes the focus', async () => {
    await page.locator('a[data-nav="policies"]').focus();
    for (const name of ['calls', 'drift', 'test', 'alerts']) {
      await page.locator(`a[data-nav="${name}"]`).focus();
      await page.keyboard.press('Enter');
      await settled(page, name);
      await focusOn(page, 'h1');
      assert.equal(await page.locator('a[aria-current="page"]').getAttribute('data-nav'), name);
    }
  });
  const { answer } = await ask('calls?outcome=server_error&policy=store');
  for (const [hash, name] of [['#/policies'], ['#/calls'], [`#/calls/${answer.calls[0].id}`, 'call'], ['#/drift'], ['#/drift/store/order_status', 'drift-one'], ['#/test'], ['#/alerts']]) {
    await step(`Tab reaches everything, in order and to be seen, in ${hash.replace(answer.calls[0].id, '<call>')}`, async () => {
      await page.goto('about:blank');
      await view(page, hash, name);
      if (name === undefined && hash === '#/policies') await until(page, () => document.querySelector('[data-tenant]'));
      await page.locator('details').evaluateAll((all) => all.forEach((one) => { one.open = true; }));
      await tabbed(page);
    });
  }
  await step('details open and close by Enter and the space bar', async () => {
    await view(page, '#/policies');
    await page.locator('[data-policy="store"] [data-details="operations"] summary').focus();
    await page.keyboard.press('Enter');
    await page.locator('[data-operation="order_status"]').waitFor();
    await page.keyboard.press('Space');
    await page.locator('[data-operation="order_status"]').waitFor({ state: 'hidden' });
  });
  await step('a dialog keeps the focus, Escape leaves it without a change, Enter says yes', async () => {
    const button = '[data-breaker="delivery"] [data-action="breaker-hold-open"]';
    await page.locator(button).focus();
    await page.keyboard.press('Enter');
    await page.locator('dialog[open]').waitFor();
    for (let n = 0; n < 6; n += 1) {
      assert.ok(await page.evaluate(() => document.activeElement === document.body || document.querySelector('dialog').contains(document.activeElement)), `the focus left the dialog at ${n}`);
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Escape');
    await page.locator('dialog').waitFor({ state: 'detached' });
    await focusOn(page, button);
    assert.equal((await ask('breakers')).answer.breakers.find((b) => b.policy === 'delivery').held, '');
    await page.keyboard.press('Enter');
    await page.locator('dialog[open]').waitFor();
    await page.locator('[data-confirm="yes"]').focus();
    await page.keyboard.press('Enter');
    await page.locator('[data-breaker="delivery"] [data-held="open"]').waitFor();
    await focusOn(page, button);
    await page.locator('[data-breaker="delivery"] [data-action="breaker-reset"]').focus();
    await page.keyboard.press('Enter');
    await page.locator('dialog[open]').waitFor();
    await page.locator('[data-confirm="yes"]').focus();
    await page.keyboard.press('Enter');
    await page.locator('[data-held]').waitFor({ state: 'detached' });
  });
  await step('a filter is set, a call opened and left', async () => {
    await view(page, '#/calls');
    await page.locator('[name="tenant"]').focus();
    await page.keyboard.type('globex');
    await page.keyboard.press('Enter');
    await until(page, () => location.hash === '#/calls?tenant=globex' && document.querySelectorAll('[data-call]').length === 4);
    assert.equal(await page.evaluate(() => document.activeElement.name), 'tenant');
    await page.locator('[data-call] a').first().focus();
    await page.keyboard.press('Enter');
    await settled(page, 'call');
    await focusOn(page, 'h1');
    await page.goBack();
    await settled(page, 'calls');
    await focusOn(page, 'h1');
  });
  await step('a test call is written and sent, and a value of its answer taken by Enter', async () => {
    await view(page, '#/test?policy=catalog&operation=product');
    await page.locator('[data-input="sku"]').focus();
    await page.keyboard.type('teapot');
    await page.keyboard.press('Enter');
    await page.locator('[data-part="tree"]').waitFor();
    await page.locator('[role="treeitem"][tabindex="0"]').focus();
    await page.keyboard.press('End');
    await focusOn(page, '[data-path="$.stock.lyon"]');
    await page.keyboard.press('ArrowLeft');
    await focusOn(page, '[data-path="$.stock"]');
    await page.keyboard.press('ArrowLeft');
    await page.locator('[data-path="$.stock.lyon"]').waitFor({ state: 'hidden' });
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await focusOn(page, '[data-path="$.stock.berlin"]');
    await page.keyboard.press('Enter');
    assert.match(await page.locator('[data-part="picked"]').innerText(), /extract berlin \$\.stock\.berlin/);
    assert.equal(await page.locator('[data-path="$.stock.berlin"]').getAttribute('aria-selected'), 'true');
  });
  await step('a structure is accepted', async () => {
    await view(page, '#/drift/store/order_status', 'drift-one');
    await page.locator('[data-action="drift-accept"]').focus();
    await page.keyboard.press('Enter');
    await page.locator('dialog[open]').waitFor();
    await page.keyboard.press('Tab');
    await focusOn(page, '[data-confirm="yes"]');
    await page.keyboard.press('Enter');
    await page.locator('[data-drift-state="watching"]').waitFor();
    await focusOn(page, 'h1');
  });
  // Those that were made while the page was kept offline.
  seen.errors = seen.errors.filter((text) => !text.includes('ERR_INTERNET_DISCONNECTED'));
  clean(seen);
});
