// The state of breakers, live, and holding them by hand.

import { get, now, path, post } from './api.js';
import { code, h, replace, spoken } from './dom.js';
import { plural, span, time } from './format.js';
import { act, confirm } from './widget.js';

const STATES = {
  closed: ['good', '●', 'closed: calls go through'],
  open: ['bad', '○', 'open: calls are kept back'],
  'half-open': ['late', '◐', 'half-open: a few calls probe'],
};

// stateBadge shows a breaker's state by shape, colour and word.
function stateBadge(state) {
  const [kind, sign, words] = STATES[state] ?? ['gone', '?', state];
  return h('span', { class: `badge ${kind}`, 'data-breaker-state': state, title: words }, h('span', { 'aria-hidden': 'true' }, `${sign} `), state);
}

// countdown shows how long it is until a time, and goes on showing it.
function countdown(until, before, after) {
  const element = h('span', { class: 'countdown', 'data-until': until });
  const tick = () => {
    const rest = Date.parse(until) - now();
    replace(element, rest > 0 ? `${before} ${span(rest)}` : after);
    if (rest > 0 && (element.isConnected || !tick.begun)) setTimeout(tick, 500);
    tick.begun = true;
  };
  tick();
  return element;
}

function cellLine(cell) {
  return h('li', { 'data-cell': cell.host },
    stateBadge(cell.state), ' ', code(cell.host), cell.tenant && [' for tenant ', code(cell.tenant)],
    h('span', { class: 'quiet' }, ' since ', time(cell.since), cell.requests > 0 && `, ${cell.failures} of ${plural(cell.requests, 'attempt')} failed`),
    cell.probe_at && [' · ', countdown(cell.probe_at, 'probes in', 'probes with the next call')]);
}

const forever = 'until reset';

async function hold(button, breaker, state, done) {
  const words = state === 'open'
    ? 'No call goes out to this third party; bots get the fallback, or circuit_open.'
    : 'Every call goes out, also when the third party fails.';
  const answer = await confirm({
    title: `Hold ${breaker.policy} ${state}?`, text: words, action: `Hold ${state}`, danger: state === 'open',
    fields: [h('label', { class: 'field' }, 'For how long',
      h('select', { name: 'for' }, ['5m', '10m', '1h', '8h', forever].map((d) => h('option', { value: d, selected: d === '10m' }, d))))],
  });
  if (!answer) return;
  const body = answer.for === forever ? { state } : { state, for: answer.for };
  await act(button, async () => { await post(path('breakers', breaker.policy, 'hold'), body); await done(); }, `${breaker.policy} is held ${state}.`);
}

async function reset(button, breaker, done) {
  const answer = await confirm({
    title: `Reset ${breaker.policy}?`, text: 'The breaker closes, forgets what it counted, and is held by nobody.', action: 'Reset',
  });
  if (!answer) return;
  await act(button, async () => { await post(path('breakers', breaker.policy, 'reset')); await done(); }, `${breaker.policy} is reset.`);
}

function controls(name, current, done) {
  const press = (work) => (event) => work(event.currentTarget, current());
  return h('div', { class: 'buttons', role: 'group', 'aria-label': `Breaker of ${name}` },
    h('button', { type: 'button', class: 'small', 'data-action': 'breaker-reset', click: press((b, it) => reset(b, it, done)) }, 'Reset', spoken(` breaker of ${name}`)),
    h('button', { type: 'button', class: 'small', 'data-action': 'breaker-hold-open', click: press((b, it) => hold(b, it, 'open', done)) }, 'Hold open', spoken(` breaker of ${name}`)),
    h('button', { type: 'button', class: 'small', 'data-action': 'breaker-hold-closed', click: press((b, it) => hold(b, it, 'closed', done)) }, 'Hold closed', spoken(` breaker of ${name}`)));
}

function stateOf(breaker) {
  if (breaker.off) return h('p', { class: 'quiet' }, 'Off: calls always go through.');
  return [
    breaker.held && h('p', { class: 'held-by-hand', 'data-held': breaker.held }, h('span', { class: 'badge held' }, `held ${breaker.held} by hand`), ' ',
      breaker.held_until ? countdown(breaker.held_until, 'for', 'no longer') : 'until it is reset'),
    breaker.cells.length
      ? h('ul', { class: 'plain' }, breaker.cells.map(cellLine))
      : h('p', { class: 'quiet' }, 'Closed: nothing has been counted yet.'),
    breaker.left_out > 0 && h('p', { class: 'quiet' }, `and ${plural(breaker.left_out, 'more cell')}`),
  ];
}

// breakerPanel shows one breaker. What does not change stays in place, so that
// a button keeps its focus while the state around it moves.
function breakerPanel(name, alone, changes, done) {
  const state = h('div', { class: 'state' });
  const config = h('span', { class: 'quiet' });
  let said = '';
  let current = null;
  const buttons = changes ? controls(name, () => current, done) : h('div');
  const element = h('div', { class: 'breaker', 'data-breaker': name },
    h('div', { class: 'row' }, h('h3', null, alone ? 'Breaker' : ['Breaker of ', code(name)]), config), state,
    buttons);
  const update = (breaker) => {
    current = breaker;
    const says = JSON.stringify(breaker);
    if (says === said) return;
    said = says;
    buttons.hidden = breaker.off;
    replace(config, !breaker.off && breaker.config);
    replace(state, stateOf(breaker));
  };
  return { element, update };
}

// breakerPanels are those of one policy and its operations.
export function breakerPanels(policy, changes, refresh) {
  const panels = new Map();
  const element = h('div', { class: 'breakers' });
  const update = (all) => {
    const own = all.filter((b) => b.policy === policy || b.policy.startsWith(`${policy}.`));
    for (const breaker of own) {
      if (!panels.has(breaker.policy)) {
        const panel = breakerPanel(breaker.policy, breaker.policy === policy, changes, refresh);
        panels.set(breaker.policy, panel);
        element.append(panel.element);
      }
      panels.get(breaker.policy).update(breaker);
    }
    for (const [name, panel] of panels) {
      if (own.some((b) => b.policy === name)) continue;
      panel.element.remove();
      panels.delete(name);
    }
  };
  return { element, update };
}

// readBreakers asks for the state of all breakers.
export const readBreakers = async (signal) => (await get('breakers', signal)).breakers;
