// The view of all policies: what each is, and how it does.

import { every, get, path, query } from './api.js';
import { breakerPanels, readBreakers } from './breakers.js';
import { callsChart, latencyChart, shares, slots } from './chart.js';
import { cell, code, facts, h, replace, table } from './dom.js';
import { count, ms, plural, share } from './format.js';
import { stateLine } from './state.js';
import { tenantsTable } from './tenants.js';
import { empty, loading } from './widget.js';

const limits = (list) => list.map((l) => (l.shared ? `${l.text} shared` : l.text)).join(', ');

function hintRows(operation) {
  const rows = operation.hints.map((hint) => h('tr', null,
    h('th', { scope: 'row' }, code(hint.route)), cell('When', null, code(hint.when))));
  if (operation.otherwise) rows.push(h('tr', null, h('th', { scope: 'row' }, code(operation.otherwise)), cell('When', null, 'otherwise')));
  return rows;
}

function rules(owner) {
  const rows = hintRows(owner);
  return [
    owner.extracts.length > 0 && h('ul', { class: 'plain extracts' }, owner.extracts.map((e) => h('li', null, code(`${e.var} ← ${e.path}`),
      e.required && ' required', e.default !== null && [' else ', code(JSON.stringify(e.default))]))),
    rows.length > 0 && table('Hints, in the order in which they are asked', ['Route', 'When'], h('tbody', null, rows)),
    owner.fallbacks.length > 0 && h('p', null, 'Fallback: ', owner.fallbacks.map((f, i) => [i > 0 && ', then ', code(f)])),
  ];
}

function operationItem(policy, operation) {
  return h('li', { 'data-operation': operation.name },
    h('div', { class: 'row' }, h('strong', null, operation.title || operation.name), code(`${operation.method} ${operation.template}`),
      h('span', { class: 'links' },
        h('a', { href: query('#/calls', { policy: policy.name, operation: operation.name }) }, 'calls'),
        h('a', { href: query('#/test', { policy: policy.name, operation: operation.name }) }, 'test'),
        h('a', { href: `#/${path('drift', policy.name, operation.name)}` }, 'structure'))),
    operation.inputs.length > 0 && h('p', { class: 'quiet' }, 'Inputs: ',
      operation.inputs.map((i, at) => [at > 0 && ', ', code(i.var), ` ${i.type}${i.required ? '' : ', optional'}`])),
    rules(operation));
}

function about(policy) {
  return facts([
    ['Limits', limits(policy.limits)],
    ['In flight', limits(policy.concurrency)],
    ['Deadline', ms(policy.timeout_ms)],
    ['Methods', policy.methods.join(', ')],
    ['Only operations', policy.operations_only ? 'yes' : ''],
    ['Credentials', policy.inject.join(', ')],
    ['Drift', policy.drift],
    ['Call log', policy.record ? plural(policy.record, 'call') : 'off'],
  ]);
}

function details(policy) {
  const own = rules(policy).filter(Boolean);
  return [
    policy.operations.length > 0 && h('details', { 'data-details': 'operations' }, h('summary', null, plural(policy.operations.length, 'operation')),
      h('ul', { class: 'plain operations' }, policy.operations.map((o) => operationItem(policy, o)))),
    h('details', { 'data-details': 'settings' }, h('summary', null, 'Settings'), about(policy), own),
  ];
}

function trafficParts(traffic, now, policy) {
  const places = slots(traffic.minutes, now);
  return [
    h('p', { class: 'totals' }, h('strong', null, count(traffic.calls)), ' calls in the last hour, ',
      traffic.failed > 0
        ? h('a', { href: query('#/calls', { policy, failed: 'true' }) }, `${count(traffic.failed)} failed (${share(traffic.failed, traffic.calls)})`)
        : 'none failed'),
    shares(traffic.outcomes, (outcome) => query('#/calls', { policy, outcome })),
    h('div', { class: 'charts' },
      callsChart(places, traffic.calls_per_minute),
      latencyChart('p50', places, 'p50_ms', traffic.p50_ms),
      latencyChart('p99', places, 'p99_ms', traffic.p99_ms)),
  ];
}

const silent = { calls: 0, failed: 0, calls_per_minute: 0, outcomes: {}, minutes: [], p50_ms: null, p99_ms: null };

// policyCard is one policy. Only the parts that move are made anew, and not
// while the reader's focus is in them.
function policyCard(policy, changes, refresh) {
  const moving = h('div', { class: 'traffic', 'data-traffic': policy.name });
  const breakers = breakerPanels(policy.name, changes, refresh);
  const element = h('article', { class: 'panel policy', 'data-policy': policy.name, 'aria-labelledby': `policy-${policy.name}` },
    h('div', { class: 'row' },
      h('h2', { id: `policy-${policy.name}` }, policy.title || policy.name), policy.title && policy.title !== policy.name && code(policy.name),
      h('span', { class: 'links' }, h('a', { href: query('#/calls', { policy: policy.name }) }, 'calls'), h('a', { href: query('#/test', { policy: policy.name }) }, 'test'))),
    h('p', { class: 'address' }, code(policy.base_url)),
    moving, breakers.element, details(policy));
  const setTraffic = (traffic, now) => {
    if (!moving.contains(document.activeElement)) replace(moving, trafficParts(traffic ?? silent, now, policy.name));
  };
  return { element, setTraffic, setBreakers: breakers.update };
}

function strays(traffic) {
  const unknown = traffic.policies.find((p) => p.policy === '');
  if (!unknown?.calls) return null;
  return h('p', { class: 'note', 'data-panel': 'strays' }, `${plural(unknown.calls, 'call')} of the last hour named no policy. `,
    h('a', { href: query('#/calls', { outcome: 'not_found' }) }, 'See them'));
}

function noPolicies() {
  return empty('There are no policies yet', h('p', null, 'A policy says how one third-party API may be called. Write one into the Caddyfile, and reload:'),
    h('pre', null, 'policy store https://api.store.example/v2 {\n\trate_limit 1000/m shared\n}'));
}

async function fill(signal, changes, again) {
  const { policies } = await get('policies', signal);
  // A reload of the configuration may bring other policies.
  every(10000, signal, async () => {
    const answer = await get('policies', signal);
    if (JSON.stringify(answer.policies) !== JSON.stringify(policies)) again();
  });
  if (!policies.length) return noPolicies();
  const cards = new Map(policies.map((p) => [p.name, policyCard(p, changes, () => refresh())]));
  const tenants = tenantsTable();
  const stray = h('div');
  const sharing = h('div');
  const refresh = async () => {
    const breakers = await readBreakers(signal);
    for (const card of cards.values()) card.setBreakers(breakers);
  };
  const refreshTraffic = async () => {
    const [traffic, near, state] = await Promise.all([get('traffic', signal), get('tenants', signal), get('state', signal)]);
    for (const [name, card] of cards) card.setTraffic(traffic.policies.find((p) => p.policy === name), traffic.now);
    tenants.update(near.tenants);
    replace(stray, strays(traffic));
    replace(sharing, stateLine(state));
  };
  await Promise.all([refresh(), refreshTraffic()]);
  every(2000, signal, refresh);
  every(5000, signal, refreshTraffic);
  return h('div', { class: 'stack-gap' }, sharing, stray, h('div', { class: 'policies' }, [...cards.values()].map((c) => c.element)), tenants.element);
}

// policiesView is the view.
export function policiesView({ info, signal }) {
  const element = h('div');
  let current = new AbortController();
  const start = () => {
    current.abort();
    current = new AbortController();
    const both = AbortSignal.any([signal, current.signal]);
    return loading(element, both, () => fill(both, info.allow_changes, start));
  };
  const ready = start();
  return { title: 'Policies', element, ready };
}
