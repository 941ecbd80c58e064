// A browser that watches what a page does behind the reader's back.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

export const places = JSON.parse(process.env.PLACES);

// PATIENCE bounds each wait, in milliseconds.
export const PATIENCE = 20000;

// open starts the machine's browser with an empty profile of its own.
async function open(more = []) {
  return chromium.launch({
    executablePath: process.env.BROWSER,
    headless: true,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync', ...more],
  });
}

// watch notes all that must not happen in a context, on any of its pages:
// dialogs, scripts of strangers, requests to other origins, breaches of the
// content security policy, and errors.
async function watch(context) {
  const seen = { dialogs: [], ran: [], elsewhere: [], breaches: [], errors: [], requests: 0 };
  await context.exposeFunction('canary', (what) => { seen.ran.push(what); });
  await context.exposeFunction('breach', (what) => { seen.breaches.push(what); });
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => window.breach(`${event.violatedDirective} ${event.blockedURI}`));
  });
  await context.route('**', (route) => {
    const url = new URL(route.request().url());
    // Whether Redis is there is asked on every view, also of a list that is paused.
    if (!url.pathname.endsWith('/signpost/state')) seen.requests += 1;
    if (url.origin === places.console || url.origin === places.window) return route.continue();
    seen.elsewhere.push(url.href);
    return route.abort();
  });
  context.on('page', (page) => {
    page.on('dialog', (dialog) => { seen.dialogs.push(dialog.message()); dialog.dismiss(); });
    page.on('pageerror', (err) => seen.errors.push(String(err)));
    page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) seen.errors.push(message.text()); });
  });
  return seen;
}

// clean holds when nothing happened that watch notes.
export function clean(seen) {
  assert.ok(seen.requests > 0, 'the watch saw no request at all');
  for (const what of ['dialogs', 'ran', 'elsewhere', 'breaches', 'errors']) {
    assert.deepEqual(seen[what], [], `${what} that must not be`);
  }
}

// newPage gives a watched page of a context of its own.
export async function newPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  const seen = await watch(context);
  return { page: await context.newPage(), seen };
}

const failures = [];

// step is a sentence that holds, or does not.
export async function step(sentence, work) {
  const began = Date.now();
  try {
    await work();
    console.log(`ok   ${sentence} (${Date.now() - began} ms)`);
  } catch (err) {
    failures.push(sentence);
    console.log(`FAIL ${sentence} (${Date.now() - began} ms)\n     ${String(err.stack ?? err).replaceAll('\n', '\n     ')}`);
  }
}

// run gives a browser to the steps of a script, and ends it. Its exit tells
// whether all of them held.
export async function run(work, more) {
  const browser = await open(more);
  try {
    await work(browser);
  } catch (err) {
    failures.push('the script');
    console.log(err);
  } finally {
    await browser.close();
  }
  process.exitCode = failures.length ? 1 : 0;
}

// view leads a page to a view and waits until it is filled.
export async function view(page, hash, name = hash.match(/\w+/)[0], base = places.console) {
  await page.goto(`${base}/${hash}`);
  await settled(page, name);
}

// settled waits until a view is there and has what it asked for.
export async function settled(page, name) {
  await page.locator(`[data-view="${name}"]`).waitFor();
  await page.waitForFunction(() => !document.querySelector('[data-loading]'));
}

// until waits for what a function in the page, given an argument, holds true.
export const until = (page, holds, argument) => page.waitForFunction(holds, argument, { polling: 50, timeout: PATIENCE });

// texts are those of all elements that a selector means.
export const texts = async (page, selector) => (await page.locator(selector).allTextContents()).map((text) => text.trim());
