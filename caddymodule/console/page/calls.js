// The view of calls: newest first, live, filtered.

import { every, get, path, query } from './api.js';
import { cell, code, h, replace, spoken, table } from './dom.js';
import { badge, label, ms, OUTCOMES, plural, time } from './format.js';
import { empty, loading } from './widget.js';

// PAGE is how many calls are asked for at once, and MOST how many are kept in
// the list; older ones give way.
const PAGE = 50;
const MOST = 2000;

const FILTERS = ['policy', 'operation', 'outcome', 'route', 'tenant', 'failed'];

function row(call) {
  return h('tr', { 'data-call': call.id, class: call.failed ? 'failed' : null },
    h('th', { scope: 'row' }, h('a', { href: `#/${path('calls', call.id)}` }, time(call.time, { millis: true }),
      spoken(` ${label(call.policy, call.operation)} ${call.outcome}`))),
    cell('Outcome', null, badge(call.outcome), call.fallback && [' ', h('span', { class: 'badge plain' }, `${call.fallback} fallback`)]),
    cell('Route', null, call.route ? code(call.route, { class: 'route' }) : '–'),
    cell('Policy', null, code(label(call.policy, call.operation))),
    cell('Request', { class: 'request' }, code(`${call.method} ${call.path}`), call.reason && h('span', { class: 'reason' }, call.reason)),
    cell('Tenant', null, call.tenant),
    cell('Status', { class: 'number' }, call.status),
    cell('Attempts', { class: 'number' }, call.attempts),
    cell('Took', { class: 'number' }, ms(call.latency_ms)));
}

// rowList keeps one row for each call, and what is being read where it is.
function rowList() {
  // A click anywhere in a row is one on its link, but for one that selects.
  const body = h('tbody', { 'data-rows': 'calls', click: (event) => {
    if (event.target.closest('a') || !getSelection().isCollapsed || event.ctrlKey || event.metaKey) return;
    event.target.closest('tr').querySelector('a').click();
  } });
  const element = table('Calls, newest first', ['Time', 'Outcome', 'Route', 'Policy', 'Request', 'Tenant', 'Status', 'Attempts', 'Took'], body, { class: 'cards calls' });
  const ids = () => new Set([...body.rows].map((r) => r.dataset.call));
  const trim = () => { while (body.rows.length > MOST) body.lastElementChild.remove(); };

  const prepend = (calls) => {
    const known = ids();
    const fresh = calls.filter((c) => !known.has(c.id));
    if (!fresh.length) return 0;
    // With no call in common there is a gap, so that the list begins anew.
    if (known.size && fresh.length === calls.length && calls.length >= PAGE) body.replaceChildren();
    const reading = element.getBoundingClientRect().top < 0 || body.contains(document.activeElement);
    const before = document.documentElement.scrollHeight;
    body.prepend(...fresh.map((call) => {
      const made = row(call);
      if (known.size) made.classList.add('fresh');
      return made;
    }));
    if (reading) window.scrollBy({ top: document.documentElement.scrollHeight - before, behavior: 'instant' });
    trim();
    return fresh.length;
  };
  const append = (calls) => {
    const known = ids();
    body.append(...calls.filter((c) => !known.has(c.id)).map(row));
  };
  return { element, body, prepend, append, oldest: () => body.lastElementChild?.dataset.call };
}

function noCalls(filters) {
  if (Object.values(filters).some(Boolean)) {
    return empty('No call is like that', h('p', null, 'The log keeps the last calls and the last failures of each policy. ',
      h('a', { href: '#/calls' }, 'Show all calls')));
  }
  return empty('No calls yet', h('p', null, 'This list fills by itself as soon as a bot calls. To send a call yourself:'),
    h('pre', null, code('curl -i -H "X-Tenant-ID: acme" http://localhost:8080/<policy>/<path>')),
    h('p', null, 'Put the name of a policy for <policy>; the rest is what the third party expects. Or ', h('a', { href: '#/test' }, 'test a call here'), '.'));
}

const option = (value, text, chosen) => h('option', { value, selected: value === chosen }, text);

const field = (text, input) => h('label', { class: 'field' }, text, input);

// filterForm shows the filters, and calls changed with them when the reader
// is done with one.
function filterForm(filters, policies, changed) {
  const names = policies.map((p) => p.name);
  if (filters.policy && !names.includes(filters.policy)) names.push(filters.policy);
  const read = () => {
    const data = new FormData(form);
    const before = JSON.stringify(filters);
    for (const name of FILTERS) if (name !== 'operation') filters[name] = (data.get(name) ?? '').trim();
    if (JSON.stringify(filters) !== before) changed();
  };
  let typing = 0;
  const typed = () => { clearTimeout(typing); typing = setTimeout(read, 300); };
  const form = h('form', { class: 'filters', role: 'search', 'aria-label': 'Filter calls', 'data-form': 'filters', change: read, submit: (event) => { event.preventDefault(); read(); } },
    field('Policy', h('select', { name: 'policy' }, option('', 'all', filters.policy), names.map((n) => option(n, n, filters.policy)))),
    field('Outcome', h('select', { name: 'outcome' }, option('', 'all', filters.outcome), Object.keys(OUTCOMES).map((o) => option(o, o, filters.outcome)))),
    field('Route', h('input', { name: 'route', value: filters.route, size: 12, autocomplete: 'off', spellcheck: 'false', input: typed })),
    field('Tenant', h('input', { name: 'tenant', value: filters.tenant, size: 12, autocomplete: 'off', spellcheck: 'false', input: typed })),
    h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'failed', value: 'true', checked: filters.failed === 'true' }), 'Failed only'));
  return form;
}

// findForm leads to one call by its id or trace id.
function findForm() {
  return h('form', { class: 'find', role: 'search', 'aria-label': 'Find a call', 'data-form': 'find', submit: (event) => {
    event.preventDefault();
    const id = new FormData(event.currentTarget).get('id').trim().toLowerCase();
    if (id) location.hash = `#/${path('calls', id)}`;
  } }, h('label', { class: 'field' }, 'Call or trace id', h('input', { name: 'id', size: 18, autocomplete: 'off', spellcheck: 'false' })),
  h('button', { type: 'submit' }, 'Open'));
}

function pauseButton(state) {
  const button = h('button', { type: 'button', class: 'live', 'data-action': 'pause', 'aria-pressed': 'false', click: () => {
    state.paused = !state.paused;
    button.setAttribute('aria-pressed', String(state.paused));
    replace(button, ...state.paused ? ['▶ Go on'] : ['❚❚ Pause']);
    if (!state.paused) state.refresh().catch(() => {});
  } }, '❚❚ Pause');
  return button;
}

// live is the list itself under one set of filters.
async function live(filters, signal, state) {
  const rows = rowList();
  const place = h('div');
  const older = h('button', { type: 'button', 'data-action': 'older' }, 'Load older');
  const said = h('p', { class: 'center quiet', role: 'status' });
  const ask = (more) => get(query('calls', { ...filters, limit: PAGE, ...more }), signal);
  const settle = () => replace(place, rows.body.rows.length ? rows.element : noCalls(filters));

  const first = await ask();
  rows.prepend(first.calls);
  older.hidden = !first.more;
  settle();
  older.addEventListener('click', async () => {
    older.disabled = true;
    try {
      const { calls, more } = await ask({ before: rows.oldest() });
      rows.append(calls);
      older.hidden = !more || rows.body.rows.length >= MOST;
      replace(said, `${plural(calls.length, 'older call')} loaded`);
    } catch (err) {
      replace(said, err.message);
    } finally {
      older.disabled = false;
    }
  });
  const refresh = async () => {
    const { calls } = await ask();
    if (state.paused || signal.aborted) return;
    if (rows.prepend(calls) > 0 && !rows.element.isConnected) settle();
  };
  state.refresh = refresh;
  every(2000, signal, async () => { if (!state.paused) await refresh(); });
  return h('div', null, place, h('p', { class: 'center' }, older), said);
}

// callsView is the view.
export function callsView({ params, signal, setAddress }) {
  const filters = Object.fromEntries(FILTERS.map((name) => [name, params.get(name) ?? '']));
  const state = { paused: false, refresh: async () => {} };
  const place = h('div', { 'data-list': 'calls' });
  let current = new AbortController();
  const start = () => {
    current.abort();
    current = new AbortController();
    const both = AbortSignal.any([signal, current.signal]);
    return loading(place, both, () => live({ ...filters }, both, state));
  };
  const changed = () => {
    setAddress(query('#/calls', filters));
    showOperation();
    start();
  };
  const formPlace = h('div');
  const operation = h('div');
  const showOperation = () => replace(operation, filters.operation && h('p', { class: 'chip' }, 'Operation ', code(filters.operation), ' ',
    h('button', { type: 'button', class: 'small', click: () => { filters.operation = ''; changed(); } }, 'any', spoken(' operation'))));
  replace(formPlace, filterForm(filters, [], changed));
  showOperation();
  // The filters work without the names of the policies, too.
  get('policies', signal).then(({ policies }) => {
    if (!formPlace.contains(document.activeElement)) replace(formPlace, filterForm(filters, policies, changed));
  }).catch(() => {});
  const bar = h('div', { class: 'panel filterbar' }, formPlace, operation, findForm());
  return { title: 'Calls', tools: pauseButton(state), element: h('div', null, bar, place), ready: start() };
}
