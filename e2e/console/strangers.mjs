// What pages of other sites may try against the console of a reader.

import assert from 'node:assert/strict';
import http from 'node:http';
import { ask, call } from './bot.mjs';
import { PATIENCE, places, run, step } from './browser.mjs';

const port = (address) => new URL(address).port;
const own = port(places.console);

// SITES are a stranger's: on the same site but another port, on another name of
// the same machine, and on a name of their own that leads here.
const SITES = ['127.0.0.1', 'localhost', 'evil.example'].map((host) => `http://${host}:${port(places.stranger)}/`);

// HOLD is a change that is easily seen.
const HOLD = `${places.console}/signpost/breakers/delivery/hold`;

async function unchanged(what) {
  const { answer } = await ask('breakers');
  assert.deepEqual(answer.breakers.filter((b) => b.held !== ''), [], what);
  assert.equal((await call('/delivery/orders/1001')).outcome, 'success', what);
}

// tries are what a page can send by fetch. Each gives what the page learns.
async function tries(console_, hold) {
  const learn = async (where, init) => {
    try {
      const response = await fetch(where, init);
      return `${response.type} ${response.status} ${(await response.text()).length}`;
    } catch (err) {
      return err.name;
    }
  };
  const body = JSON.stringify({ state: 'open' });
  return {
    plain: await learn(hold, { method: 'POST', mode: 'no-cors', headers: { 'Content-Type': 'text/plain' }, body }),
    bare: await learn(hold, { method: 'POST', mode: 'no-cors', credentials: 'include', body: new Blob([body]) }),
    form: await learn(hold, { method: 'POST', mode: 'no-cors', body: new URLSearchParams({ state: 'open' }) }),
    json: await learn(hold, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body }),
    put: await learn(hold, { method: 'PUT', body }),
    read: await learn(`${console_}/signpost/calls`),
    blind: await learn(`${console_}/signpost/calls`, { mode: 'no-cors' }),
    page: await learn(`${console_}/`, { mode: 'no-cors' }),
  };
}

// embedded tells which files of the console a page of another origin can use.
function embedded(console_) {
  const load = (tag, attribute, file) => new Promise((resolve) => {
    const element = document.createElement(tag);
    element.onload = () => resolve('loaded');
    element.onerror = () => resolve('refused');
    if (tag === 'link') element.rel = 'stylesheet';
    element[attribute] = `${console_}/${file}`;
    document.body.append(element);
  });
  return Promise.all([load('script', 'src', 'signpost/calls'), load('script', 'src', 'app.js'), load('img', 'src', 'icon.svg'), load('link', 'href', 'style.css')]);
}

// withHost asks the console under a host name of one's choice.
const withHost = (host, path, method = 'GET') => new Promise((resolve, reject) => {
  const request = http.request({ hostname: '127.0.0.1', port: own, path, method, agent: false, headers: { Host: host } }, (response) => {
    response.resume();
    response.on('end', () => resolve(response.statusCode));
  });
  request.on('error', reject);
  request.end();
});

await run(async (browser) => {
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE);
  for (const site of SITES) {
    await step(`a page of ${new URL(site).hostname} on another port changes and reads nothing by fetch`, async () => {
      const page = await context.newPage();
      await page.goto(site);
      const learned = await page.evaluate(`(${tries})(${JSON.stringify(places.console)}, ${JSON.stringify(HOLD)})`);
      for (const [what, told] of Object.entries(learned)) assert.equal(told, 'TypeError', what);
      assert.deepEqual(await page.evaluate(embedded, places.console), ['refused', 'refused', 'refused', 'refused']);
      await unchanged('after fetches');
      await page.close();
    });
    await step(`a form of ${new URL(site).hostname} changes nothing`, async () => {
      for (const enctype of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
        const page = await context.newPage();
        await page.goto(site);
        const answered = page.waitForResponse((response) => response.url() === HOLD);
        await page.evaluate(([action, type]) => {
          const form = document.createElement('form');
          Object.assign(form, { action, method: 'POST', enctype: type });
          // As text/plain these become {"state":"open","x":"="}.
          const input = document.createElement('input');
          Object.assign(input, { name: '{"state":"open","x":"', value: '"}' });
          form.append(input);
          document.body.append(form);
          form.submit();
        }, [HOLD, enctype]);
        assert.equal((await answered).status(), 403, enctype);
        await unchanged(enctype);
        await page.close();
      }
    });
    await step(`a page of ${new URL(site).hostname} cannot frame the console, nor hold on to its window`, async () => {
      const page = await context.newPage();
      await page.goto(site);
      const told = page.waitForEvent('console', (message) => /frame-ancestors|refused to connect|blocked/i.test(message.text()));
      await page.evaluate((src) => {
        const frame = document.createElement('iframe');
        frame.src = src;
        document.body.append(frame);
      }, `${places.console}/`);
      await told;
      assert.ok(!page.frames().some((frame) => frame.url().startsWith(places.console)), `frames ${page.frames().map((f) => f.url())}`);
      const opened = context.waitForEvent('page');
      await page.evaluate((to) => { window.taken = window.open(to); }, `${places.console}/`);
      const taken = await opened;
      await taken.locator('[data-view="policies"]').waitFor();
      assert.equal(await taken.evaluate(() => window.opener), null);
      assert.equal(await page.evaluate(() => window.taken.closed), true);
      await taken.close();
      await page.close();
    });
  }
  await step('a page of the console under another of its names changes nothing under this one', async () => {
    const page = await context.newPage();
    await page.goto(`http://localhost:${own}/`);
    await page.locator('[data-view="policies"]').waitFor();
    const told = await page.evaluate(async (hold) => {
      try {
        return (await fetch(hold, { method: 'POST', mode: 'no-cors', body: '{"state":"open"}' })).type;
      } catch (err) {
        return err.name;
      }
    }, HOLD);
    assert.equal(told, 'TypeError');
    await unchanged('from localhost');
    await page.close();
  });
  await step('a name of a stranger’s that leads here finds no console', async () => {
    const page = await context.newPage();
    for (const path of ['/', '/app.js', '/signpost/info', '/signpost/calls']) {
      const response = await page.goto(`http://evil.example:${own}${path}`);
      assert.equal(response.status(), 421, path);
      assert.ok(!(await response.text()).includes('data-nav'), path);
    }
    await page.close();
  });
  await step('what counts is the Host header', async () => {
    const hosts = [['127.0.0.1', 200], [`localhost:${own}`, 200], ['[::1]', 200], ['console.localhost', 200], ['evil.example', 421], ['localhost.evil.example', 421],
      ['127.0.0.1.evil.example', 421], ['10.0.0.1', 421]];
    for (const [host, want] of hosts) {
      for (const path of ['/', '/signpost/info']) assert.equal(await withHost(host, path), want, `Host: ${host}, ${path}`);
    }
    assert.equal(await withHost('evil.example', '/signpost/breakers/delivery/reset', 'POST'), 421);
  });
}, ['--host-resolver-rules=MAP *.example 127.0.0.1']);
