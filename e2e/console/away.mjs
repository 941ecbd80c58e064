// A gateway that goes away and returns, while the page stays. What is to be
// done comes line by line on standard input, and each is answered by a line.

import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { order } from './bot.mjs';
import { clean, newPage, run, settled, until, view } from './browser.mjs';

await run(async (browser) => {
  const { page, seen } = await newPage(browser);
  const shown = () => page.locator('[data-call]').count();
  const steps = {
    async open() {
      await order(1001, 'success');
      await view(page, '#/calls');
      assert.equal(await shown(), 1);
      assert.ok(await page.locator('[data-banner]').isHidden());
      await page.evaluate(() => { window.stayed = true; });
      return 'opened';
    },
    async gone() {
      await page.locator('[data-banner]').waitFor();
      assert.match(await page.locator('[data-banner]').innerText(), /connection to the gateway is lost/);
      assert.equal(await shown(), 1, 'what was shown stays');
      await page.locator('a[data-nav="drift"]').click();
      await page.locator('[data-trouble="0"]').waitFor();
      await page.locator('[data-action="retry"]').click();
      await page.locator('[data-trouble="0"]').waitFor();
      await page.locator('a[data-nav="policies"]').click();
      await page.locator('[data-trouble="0"]').waitFor();
      await page.locator('a[data-nav="calls"]').click();
      await page.locator('[data-trouble="0"]').waitFor();
      return 'told that it is lost';
    },
    async back() {
      await order(1002, 'success');
      await page.locator('[data-banner]').waitFor({ state: 'hidden' });
      await page.locator('[data-call]').waitFor();
      await settled(page, 'calls');
      await order(1003, 'success');
      await until(page, () => document.querySelectorAll('[data-call]').length === 2);
      assert.ok(await page.evaluate(() => window.stayed), 'the page was loaded anew');
      return 'healed';
    },
    async end() {
      seen.errors = seen.errors.filter((text) => !text.includes('ERR_CONNECTION'));
      clean(seen);
      return 'clean';
    },
  };
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(await steps[line]());
    if (line === 'end') return;
  }
});
