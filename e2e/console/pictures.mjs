// The console's pictures. With LONG in the environment they show two minutes of
// calls, else one burst.

import { ask, call, order, place, tellShop } from './bot.mjs';
import { clean, newPage, places, run, step, until, view } from './browser.mjs';

const LONG = process.env.LONG ? 130000 : 0;

// burst is a moment of varied calls; no two moments are alike.
async function burst(moment) {
  const tenants = ['acme', 'globex', 'initech', 'hooli'];
  const calls = [];
  const send = (path, tenant = 'acme') => calls.push(call(path, { tenant }));
  for (let n = 0; n < 10 + ((moment * 7) % 9); n += 1) {
    const tenant = tenants[(n * 3 + moment) % 4];
    send(`/store/orders/${n % 4 === 3 ? 2000 + n : 1000 + ((moment * 13 + n) % 90)}`, tenant);
    if (n % 3 === 0) send(`/catalog/products/${['teapot', 'cups', 'tray'][(n / 3) % 3]}`, tenant);
    if (n % 4 === 2) send(`/crm/customers/customer-${n}@example.com`, tenant);
    if (n % 5 === 1) send(`/delivery/orders/${1000 + n}`, tenant);
  }
  send(`/store/orders/${4711 + moment}`, 'initech');
  if (moment % 6 === 0) send(`/store/orders/${9000 + moment}`);
  if (moment % 3 === 0) send(`/store/orders/${5000 + moment}`, 'globex');
  if (moment % 4 === 1) calls.push(place({ product: 'cups', amount: 2, customer: 'Ada' }));
  if (moment % 5 === 2) send('/catalog/products/teapot', 'corner-shop');
  if (moment % 5 === 2) calls.push(place({ product: 'sofa' }, { tenant: 'hooli' }));
  await Promise.all(calls);
}

await run(async (browser) => {
  const began = Date.now();
  let moment = 0;
  await tellShop('busy');
  do {
    await burst(moment);
    moment += 1;
    // Only for pictures that are kept: their charts want more than one minute.
    if (LONG) await new Promise((resolve) => { setTimeout(resolve, 1500); });
  } while (Date.now() - began < LONG);
  for (let n = 0; n < 4; n += 1) await call('/catalog/products/teapot', { tenant: 'corner-shop' });
  for (let n = 0; n < 2; n += 1) await call('/delivery/orders/5002');
  const { page, seen } = await newPage(browser, { viewport: { width: 1280, height: 960 }, colorScheme: 'light', reducedMotion: 'reduce' });
  const take = (name) => page.screenshot({ path: `${places.pictures}/console-${name}.png` });

  await step('policies, light and dark', async () => {
    await view(page, '#/policies');
    await until(page, () => document.querySelectorAll('[data-traffic] .charts').length === 4);
    await take('policies');
    await page.emulateMedia({ colorScheme: 'dark' });
    await take('policies-dark');
    await page.emulateMedia({ colorScheme: 'light' });
  });
  await step('one call', async () => {
    const { answer } = await ask('calls?route=preparing');
    await view(page, `#/calls/${answer.calls[0].id}`, 'call');
    await take('call');
  });
  await step('a test call', async () => {
    await view(page, '#/test?policy=store&operation=order_status');
    await page.locator('[data-input="order_number"]').fill('1001');
    await page.locator('[name="tenant"]').fill('acme');
    await page.locator('[data-action="send"]').click();
    await page.locator('[data-path="$.order.items[1].name"]').click();
    await page.evaluate(() => window.scrollTo(0, 0));
    await take('test');
  });
  await step('drift', async () => {
    await tellShop('moved');
    for (let n = 1400; n < 1412; n += 1) await order(n, 'success');
    await view(page, '#/drift/store/order_status', 'drift-one');
    await page.locator('[data-kind="removed"]').first().waitFor();
    await take('drift');
  });
  clean(seen);
});
