// Small things that several views use: copying, asking back, telling, waiting.

import { Problem, reached } from './api.js';
import { h, replace, visible } from './dom.js';

// toast tells in passing what was done.
function toast(text) {
  const place = document.querySelector('[data-toast]');
  replace(place, h('p', null, text));
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => replace(place), 5000);
}

async function toClipboard(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Without TLS, and not on localhost, browsers have the old way only.
  const area = h('textarea', { class: 'spoken', value: text, 'aria-hidden': 'true' });
  (document.querySelector('dialog[open]') ?? document.body).append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('the browser does not allow it');
  return undefined;
}

// copyButton copies text; what says what that is. A line is copied as it is
// shown, so that nothing hidden comes along into a terminal or a file.
export function copyButton(what, text, { raw = false } = {}) {
  const button = h('button', { type: 'button', class: 'small', 'data-copy': what, 'aria-label': `Copy ${what}`, click: async () => {
    try {
      await toClipboard(raw ? text : visible(text));
      toast(`Copied ${what}.`);
    } catch (err) {
      toast(`The browser did not copy: ${err.message}.`);
    }
  } }, 'Copy');
  return button;
}

// copyable is a line of code with its copy button.
export const copyable = (what, text) => h('span', { class: 'copyable' }, h('code', null, text), copyButton(what, text));

// confirm asks before something is changed. It gives null when the reader
// would rather not, else what the fields hold.
export function confirm({ title, text, action, danger = false, fields = [] }) {
  return new Promise((resolve) => {
    const back = document.activeElement;
    const form = h('form', { method: 'dialog', submit: (event) => {
      event.preventDefault();
      dialog.returnValue = 'yes';
      dialog.close('yes');
    } },
    h('h2', { id: 'confirm-title' }, title),
    h('p', null, text),
    fields,
    h('div', { class: 'actions' },
      h('button', { type: 'button', click: () => dialog.close('') }, 'Cancel'),
      h('button', { type: 'submit', class: danger ? 'danger' : 'primary', 'data-confirm': 'yes' }, action)));
    const dialog = h('dialog', { 'aria-labelledby': 'confirm-title', 'data-dialog': 'confirm' }, form);
    dialog.addEventListener('close', () => {
      resolve(dialog.returnValue === 'yes' ? Object.fromEntries(new FormData(form)) : null);
      dialog.remove();
      if (back?.isConnected) back.focus();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

// act does what a button says, once at a time, and tells how it went.
export async function act(button, work, done) {
  if (button.getAttribute('aria-disabled') === 'true') return;
  button.setAttribute('aria-disabled', 'true');
  try {
    await work();
    if (done) toast(done);
  } catch (err) {
    if (err.name !== 'AbortError') toast(`Not done: ${err.message}`);
    if (!(err instanceof Problem)) console.error(err);
  } finally {
    button.removeAttribute('aria-disabled');
    // Where the button is gone, the view's heading takes its focus.
    if (!button.isConnected) document.querySelector('main h1')?.focus();
  }
}

// trouble is what stands where something could not be shown.
export function trouble(err, retry) {
  if (!(err instanceof Problem)) console.error(err);
  const words = {
    0: 'The gateway cannot be reached. Is it running?',
    401: 'Sign in to this site, then try again.',
    403: 'This site does not let you see that.',
    404: 'It is not there, or not any more.',
  };
  return h('section', { class: 'trouble', role: 'alert', 'data-trouble': String(err.status ?? 'page') },
    h('h2', null, err.title ?? 'Something in this page went wrong'),
    h('p', null, err.detail || words[err.status] || err.message),
    retry && h('button', { type: 'button', 'data-action': 'retry', click: retry }, 'Try again'));
}

// loading fills a place with what work makes; until then it says so, and when
// it goes wrong it says that in words and offers to try again, which it does by
// itself as soon as a lost gateway is back.
export async function loading(place, signal, work) {
  replace(place, h('p', { class: 'quiet', 'data-loading': true }, 'Loading …'));
  try {
    const made = await work();
    if (!signal.aborted) replace(place, made);
  } catch (err) {
    if (signal.aborted) return;
    const waiting = new AbortController();
    const again = () => {
      if (signal.aborted || waiting.signal.aborted) return;
      waiting.abort();
      loading(place, signal, work);
    };
    replace(place, trouble(err, again));
    if (err.lost) reached(AbortSignal.any([signal, waiting.signal])).then(again);
  }
}

// empty is what stands where there is nothing yet: why, and what to do.
export const empty = (title, ...children) => h('section', { class: 'empty', 'data-empty': true }, h('h2', null, title), children);

// note is a remark beside something.
export const note = (...children) => h('p', { class: 'note' }, children);
