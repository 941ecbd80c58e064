// What strangers write: it must stay text, stay visible, and stay in its place.

import assert from 'node:assert/strict';
import { ask, call } from './bot.mjs';
import { narrow, readable } from './audit.mjs';
import { clean, newPage, run, settled, step, until, view } from './browser.mjs';

const SCRIPT = '<script>canary("script")</script>';
const IMAGE = `"'><img src=x onerror=canary("image")>`;
const LONG = 'W'.repeat(10 << 10);

// hostileCalls are calls with hostile paths, queries, headers, tenants and
// bodies, and to whoever answers so.
async function hostileCalls() {
  const path = encodeURIComponent(SCRIPT + IMAGE);
  for (const word of ['script', 'html', 'nulls', 'broken', 'binary', 'word', 'big', 'deep', 'refuse', path, '%E2%80%AEtxt.exe%00%07', '%ff%fe']) {
    await call(`/malice/tree/${word}?q=${path}&r=%E2%80%AE`, { tenant: 'acme' });
  }
  const utf8 = (text) => Buffer.from(text).toString('latin1');
  for (const tenant of [SCRIPT, IMAGE, 'javascript:canary(1)', 'W'.repeat(128), utf8('user\u202etxt.exe'), utf8('مرحبا'), '\xff\xfe']) {
    await call('/malice/tree/x', { tenant });
  }
  await call('/malice/tree/x', { headers: { 'X-Markup': SCRIPT + IMAGE, Referer: 'javascript:canary(2)', 'X-Bytes': '\xff\xe2\x80\xae', 'X-Long': LONG, 'Signpost-Timeout': SCRIPT } });
  await call(`/malice/${LONG.slice(0, 6000)}`);
  await call(`/${path}/${path}`);
  await call('/call/malice/form', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ a: '<img src=x onerror=canary(5)>', b: { [SCRIPT]: `\u0000\u202e${IMAGE}` } }) });
  await call('/call/malice/form', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ a: SCRIPT }) });
  await call('/malice/post', { method: 'POST', headers: { 'Content-Type': 'text/html' }, body: SCRIPT + LONG });
  await call('/malice/post', { method: 'POST', body: Buffer.from([0, 1, 2, 0xff, 0xfe, 0x3c, 0x62, 0x3e]) });
  await call('/malice/post', { method: 'POST', body: Buffer.alloc(10 << 20, 'big ') });
}

// intact looks for what hostile text may have become. It runs in the page.
function intact() {
  const found = [];
  const hidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|\p{Cs}/u;
  for (const element of document.querySelectorAll('*')) {
    const { localName } = element;
    if (['iframe', 'object', 'embed', 'base', 'template'].includes(localName)) found.push(`a ${localName}`);
    if (localName === 'script' && element.getAttribute('src') !== 'app.js') found.push('a script');
    if (localName === 'img' && element.getAttribute('src') !== 'icon.svg') found.push('an image');
    for (const { name, value } of element.attributes) {
      if (name.startsWith('on') || name === 'style' || name === 'srcdoc') found.push(`${localName} with ${name}`);
      // The value of a choice is not shown; it is what the filter sends.
      if (hidden.test(value) && !(localName === 'option' && name === 'value')) found.push(`${localName} with hidden characters in ${name}`);
      if (['href', 'src', 'xlink:href', 'action', 'formaction'].includes(name) && /^\s*(javascript|data|vbscript):/i.test(value)) found.push(`${localName} with ${name}=${value}`);
    }
  }
  if (hidden.test(document.body.textContent)) found.push('hidden characters in text');
  if (hidden.test(document.title)) found.push('hidden characters in the title');
  return found;
}

async function harmless(page, what) {
  await page.locator('details').evaluateAll((all) => all.forEach((one) => { one.open = true; }));
  assert.deepEqual(await page.evaluate(intact), [], what);
  await narrow(page);
  await readable(page, 'light');
}

await run(async (browser) => {
  await step('bots send it all', hostileCalls);
  const { page, seen } = await newPage(browser);
  await step('policies and tenants', async () => {
    await view(page, '#/policies');
    await until(page, () => document.querySelectorAll('[data-tenant], [data-traffic="malice"] .legend li').length > 0);
    assert.equal(await page.locator('[data-policy="malice"] h2').innerText(), `"'><img src=x onerror=canary(1)><script>canary(2)</script>`);
    await harmless(page, 'policies');
  });
  const { answer } = await ask('calls?limit=1000');
  await step('calls', async () => {
    assert.ok(answer.calls.length > 25, `${answer.calls.length} calls were kept`);
    await view(page, '#/calls');
    for (const shown of [SCRIPT, 'txt.exe', 'مرحبا']) assert.ok((await page.locator('[data-rows]').innerText()).includes(shown), shown);
    await harmless(page, 'calls');
  });
  await step('calls under a hostile filter, which a reload keeps', async () => {
    await view(page, `#/calls?tenant=${encodeURIComponent(IMAGE)}`);
    await page.reload();
    await settled(page, 'calls');
    assert.equal(await page.locator('[name="tenant"]').inputValue(), IMAGE);
    assert.equal(await page.locator('[data-call]').count(), 1);
    await harmless(page, 'filtered calls');
    await view(page, `#/calls?operation=${encodeURIComponent(SCRIPT)}&policy=${encodeURIComponent(`${IMAGE}\u202e`)}`);
    await harmless(page, 'calls of a policy that there is not');
  });
  await step('every call in full', async () => {
    for (const one of answer.calls) {
      await view(page, `#/calls/${one.id}`, 'call');
      assert.equal(await page.locator('[data-part="verdict"]').count(), 1, `${one.method} ${one.path}`);
      await harmless(page, `${one.method} ${one.path} of ${one.tenant}`);
    }
  });
  await step('binary is shown as bytes, and what was cut says so', async () => {
    const find = (end) => answer.calls.find((one) => one.path.endsWith(end)).id;
    await view(page, `#/calls/${find('/binary')}`, 'call');
    assert.match(await page.locator('[data-part="received"]').innerText(), /4,?000 bytes of binary[\s\S]*0000 {2}89 50 4e 47/);
    await view(page, `#/calls/${find('/big')}`, 'call');
    assert.match(await page.locator('[data-part="received"]').innerText(), /cut|not kept/);
  });
  await step('drift', async () => {
    await view(page, '#/drift');
    await harmless(page, 'drift');
    await view(page, '#/drift/malice/tree', 'drift-one');
    await harmless(page, 'the structure');
    await view(page, `#/drift/${encodeURIComponent(SCRIPT)}/${encodeURIComponent(`\u202e${IMAGE}`)}`, 'drift-one');
    await harmless(page, 'the structure of what is not there');
  });
  await step('a test call', async () => {
    for (const word of ['tree', 'word', 'deep', 'nulls', 'broken', 'big']) {
      await view(page, '#/test?policy=malice&operation=tree');
      await page.locator('[data-input="x"]').fill(word);
      await page.locator('[data-action="send"]').click();
      await page.locator('[data-part="answer"]').waitFor();
      for (const name of (await page.locator('[role="treeitem"] > .name').all()).slice(0, 12)) {
        await name.click();
        assert.ok((await page.locator('[data-part="picked"]').innerText()).includes('$'));
      }
      await harmless(page, `a test call to ${word}`);
    }
  });
  await step('a test call with hostile input', async () => {
    await view(page, '#/test?policy=malice&operation=');
    await page.locator('[name="operation"]').selectOption('');
    await page.locator('[name="path"]').fill(`/${SCRIPT}`);
    await page.locator('[name="headers"]').fill(`${IMAGE}\nX-A: ${SCRIPT}`);
    await page.locator('[name="tenant"]').fill(SCRIPT);
    await page.locator('[data-action="send"]').click();
    await until(page, () => document.querySelector('[data-complaint]').textContent);
    await harmless(page, 'a complaint');
    await page.locator('[name="headers"]').fill(`X-A: ${SCRIPT}`);
    await page.locator('[data-action="send"]').click();
    await page.locator('[data-part="result"] > *').waitFor();
    await harmless(page, 'an answer to hostile input');
  });
  await step('alerts, with what a rude mail server said', async () => {
    await until(page, async () => (await (await fetch('signpost/alerts')).json()).alerts.some((a) => a.last_error.includes('canary')));
    await view(page, '#/alerts');
    assert.ok((await page.locator('[data-alert="malice"]').innerText()).includes('<script>canary('));
    await harmless(page, 'alerts');
  });
  seen.errors = seen.errors.filter((text) => !/status of 40[04]/.test(text));
  clean(seen);
});
