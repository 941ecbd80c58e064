// A Redis that goes away and returns, while the page stays. What is to be done
// comes line by line on standard input, and each is answered by a line.

import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { good } from './audit.mjs';
import { order } from './bot.mjs';
import { clean, newPage, run, until, view } from './browser.mjs';

// decided asks for an order, and gives what the page says of who decided on its
// limits.
async function decided(page, number, outcome) {
  const { headers } = await order(number, outcome);
  await view(page, `#/calls/${headers['signpost-trace']}`, 'call');
  return page.locator('[data-part="facts"]').innerText();
}

await run(async (browser) => {
  const { page, seen } = await newPage(browser);
  const steps = {
    async there() {
      await view(page, '#/policies');
      await page.locator('[data-shared="standalone"]').waitFor();
      assert.match(await page.locator('[data-shared]').innerText(), /^Limits hold over all sidecars: Redis at redis:\/\/127\.0\.0\.1:\d+ \(standalone\) answers in [\d.]+ ms\. This sidecar is \w{8}\.$/);
      assert.ok(await page.locator('[data-away]').isHidden());
      await good(page);
      assert.match(await decided(page, 1001, 'success'), /Limits decided by\s+Redis, after [\d.]+ ms/);
      await page.evaluate(() => { window.stayed = true; });
      return 'there';
    },
    async away() {
      assert.match(await decided(page, 1002, 'success'), /Limits decided by\s+this sidecar alone, as Redis was away, after [\d.]+ ms/);
      for (const name of ['policies', 'calls', 'drift', 'test', 'alerts']) {
        await page.locator(`a[data-nav="${name}"]`).click();
        await page.locator(`[data-view="${name}"]`).waitFor();
        await page.locator('[data-away]').waitFor();
        assert.match(await page.locator('[data-away]').innerText(),
          /^Redis is away since \d\d:\d\d:\d\d \([^()]+\): each sidecar goes on with its own limits\.$/);
      }
      await view(page, '#/policies');
      assert.equal(await page.locator('[data-shared]').count(), 0);
      await good(page);
      return 'away';
    },
    async back() {
      await page.locator('[data-away]').waitFor({ state: 'hidden' });
      await until(page, () => document.querySelector('[data-shared="standalone"]'));
      assert.ok(await page.evaluate(() => window.stayed), 'the page was loaded anew');
      clean(seen);
      return 'back';
    },
  };
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(await steps[line]());
    if (line === 'back') return;
  }
});
