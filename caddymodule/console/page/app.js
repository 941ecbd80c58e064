// Where the page begins: which view the address means, and what all share.

import { connection, get, now } from './api.js';
import { alertsView } from './alerts.js';
import { callView } from './call.js';
import { callsView } from './calls.js';
import { h, replace, visible } from './dom.js';
import { driftOneView, driftView } from './drift.js';
import { span } from './format.js';
import { policiesView } from './policies.js';
import { tellState } from './state.js';
import { testView } from './test.js';
import { empty, trouble } from './widget.js';

// VIEWS are the views by the first word of the address; a second function is
// for addresses that name one thing.
const VIEWS = {
  policies: [policiesView],
  calls: [callsView, callView],
  drift: [driftView, driftOneView],
  test: [testView],
  alerts: [alertsView],
};

const main = document.getElementById('main');
const shared = { info: null };
const scrolls = new Map();
let leave = new AbortController();
let shown = '';

// readAddress gives what the part behind # means.
function readAddress() {
  const [where, search = ''] = location.hash.replace(/^#\/?/, '').split('?');
  let words;
  try {
    words = where.split('/').filter(Boolean).map(decodeURIComponent);
  } catch {
    words = ['?'];
  }
  return { name: words[0] ?? 'policies', rest: words.slice(1), params: new URLSearchParams(search) };
}

function missingView() {
  return { title: 'Not there', element: empty('There is no such view', h('p', null, h('a', { href: '#/policies' }, 'Go to the policies'))) };
}

function mark(name) {
  for (const link of document.querySelectorAll('a[data-nav]')) {
    if (link.dataset.nav === name) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

// keepScroll remembers where the reader was in a view, at most 50 of them.
function keepScroll() {
  if (!shown) return;
  scrolls.delete(shown);
  scrolls.set(shown, window.scrollY);
  if (scrolls.size > 50) scrolls.delete(scrolls.keys().next().value);
}

// show puts the view in place that the address means. A view is a title, an
// element, and perhaps a promise of its being filled.
async function show({ back = false } = {}) {
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  const { name, rest, params } = readAddress();
  shown = location.hash;
  mark(name);
  const choices = Object.hasOwn(VIEWS, name) ? VIEWS[name] : [];
  const make = choices[Math.min(rest.length, 1)] ?? missingView;
  let view;
  try {
    view = make({ info: shared.info, rest, params, signal, setAddress });
  } catch (err) {
    view = { title: 'Trouble', element: trouble(err, () => show()) };
  }
  const heading = h('h1', { tabindex: '-1' }, view.title);
  document.title = visible(`${view.title} – Signpost`);
  replace(main, h('div', { class: 'view', 'data-view': view.name ?? name }, h('div', { class: 'head' }, heading, view.tools), view.element));
  if (!back) window.scrollTo(0, 0);
  if (show.moved) heading.focus({ preventScroll: true });
  show.moved = true;
  await view.ready;
  if (back && !signal.aborted) window.scrollTo(0, scrolls.get(shown) ?? 0);
}

// setAddress writes a view's state into the address without leaving the view.
function setAddress(hash) {
  history.replaceState(null, '', hash);
  shown = location.hash;
}

function tellConnection() {
  const banner = document.querySelector('[data-banner]');
  connection.addEventListener('lost', () => {
    replace(banner, 'The connection to the gateway is lost. What is shown may be old; the page tries again by itself.');
    banner.hidden = false;
  });
  connection.addEventListener('found', () => { banner.hidden = true; });
}

function tellAbout() {
  const { version, started, allow_changes: changes } = shared.info;
  replace(document.querySelector('[data-about]'),
    h('span', null, version),
    h('span', { title: started }, `up ${span(now() - Date.parse(started))}`),
    h('span', { 'data-changes': changes ? 'allowed' : 'off' }, changes ? 'changes allowed' : 'read-only'));
}

// start asks who the gateway is. Without that there is nothing to show; while
// it is away, the page goes on asking.
async function start() {
  clearTimeout(start.again);
  try {
    shared.info = await get('info');
  } catch (err) {
    if (start.told !== err.message) replace(main, trouble(err, start));
    start.told = err.message;
    start.again = setTimeout(start, 3000);
    return;
  }
  tellAbout();
  setInterval(tellAbout, 10000);
  tellState(document.querySelector('[data-away]'), new AbortController().signal);
  // A gateway that comes back may be another version, and allow other things.
  connection.addEventListener('found', async () => {
    const info = await get('info').catch(() => null);
    if (!info) return;
    Object.assign(shared.info, info);
    tellAbout();
  });
  show();
}

window.addEventListener('hashchange', () => {
  keepScroll();
  if (shared.info) show({ back: scrolls.has(location.hash) });
});
document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a[href^="#"]');
  if (!link) return;
  if (link.matches('[data-skip]')) {
    event.preventDefault();
    main.focus();
    return;
  }
  // A link begins at the top; only the way back leads to where one was.
  scrolls.delete(link.getAttribute('href'));
});
history.scrollRestoration = 'manual';
tellConnection();
start();
