// The view of one call in full, beginning with why it took its route.

import { get, path } from './api.js';
import { cell, code, facts, h, table, visible, webURL } from './dom.js';
import { badge, label, ms, time } from './format.js';
import { changesList } from './change.js';
import { oneLine } from './json.js';
import { message, value } from './message.js';
import { decidedText } from './state.js';
import { waterfall } from './waterfall.js';
import { copyButton, empty, loading } from './widget.js';

// reasonOf says in a sentence why a call took its route.
function reasonOf(call) {
  const asked = call.hints.length;
  const held = call.hints.findIndex((hint) => hint.result === true);
  const route = call.route ? ['Route ', code(call.route), ': '] : ['No route: '];
  const none = asked > 1 ? `none of ${asked} hints held` : asked ? 'its one hint did not hold' : 'no hint was asked';
  switch (call.route_by) {
    case 'hint':
      return [...route, asked === 1 ? 'the first hint held.' : `hint ${held + 1} of the ${asked} that were asked held.`];
    case 'otherwise':
      return [...route, `${none}, and the policy says “otherwise ${call.route}”.`];
    case 'fallback':
      return [...route, 'the fallback names it.'];
    default:
      if (!call.route) return ['No route: the bot was gone.'];
      return [...route, `${none}, so it is the default route of the outcome `, code(call.outcome), '.'];
  }
}

const RESULTS = { true: ['good', '✓ held'], false: ['gone', '– did not hold'] };

function hintRow(hint, at) {
  const [kind, words] = hint.error ? ['bad', '! error, did not hold'] : RESULTS[hint.result] ?? ['gone', '? unknown'];
  return h('tr', { 'data-hint': hint.route, 'data-result': hint.error ? 'error' : String(hint.result), class: hint.result === true ? 'chosen' : null },
    h('th', { scope: 'row' }, `${at + 1}. `, code(hint.route)),
    cell('Result', null, h('span', { class: `badge ${kind}` }, words), hint.error && h('p', { class: 'reason' }, hint.error)),
    cell('Condition', null, code(hint.condition)),
    cell('What it read', null, hint.values?.length
      ? h('ul', { class: 'plain' }, hint.values.map((v) => h('li', null, code(v.name), ' = ', code(oneLine(v.value)))))
      : h('span', { class: 'quiet' }, '–')));
}

// why explains the route: the sentence, and each hint that was asked.
export function why(call) {
  return h('section', { class: 'panel why', 'data-part': 'why' }, h('h2', null, 'Why this route'),
    h('p', { class: 'sentence', 'data-route-by': call.route_by }, reasonOf(call)),
    call.hints.length > 0 && table('Hints that were asked, in order', ['Hint', 'Result', 'Condition', 'What it read'], h('tbody', null, call.hints.map(hintRow))),
    call.faults?.length > 0 && [h('h3', null, 'Other conditions that could not be evaluated'),
      h('ul', { class: 'plain', 'data-faults': true }, call.faults.map((f) => h('li', null, `${f.where}: `, code(f.condition), ' – ', f.error)))]);
}

// verdict is the head of a call: outcome, route, next and reason.
export function verdict(call) {
  return h('section', { class: 'panel verdict', 'data-part': 'verdict' },
    h('p', { class: 'big' }, badge(call.outcome), h('span', { 'aria-hidden': 'true', class: 'quiet' }, '→'),
      h('span', null, h('span', { class: 'quiet' }, 'route '), call.route ? code(call.route, { class: 'route' }) : '–'),
      h('span', null, h('span', { class: 'quiet' }, 'next '), code(call.next || '–')),
      h('span', null, h('span', { class: 'quiet' }, 'status '), code(call.status)),
      call.fallback && h('span', { class: 'badge plain' }, `${call.fallback} fallback`)),
    call.reason && h('p', { class: 'reason' }, call.reason));
}

// traceLink is the way into Jaeger, when the gateway knows one.
function traceLink(id, ui) {
  if (!id) return null;
  const address = webURL(ui.replaceAll('{trace_id}', encodeURIComponent(id)));
  return [code(id), ' ', copyButton('the trace id', id), ' ',
    address && h('a', { href: address, target: '_blank', rel: 'noopener noreferrer', 'data-link': 'trace' }, 'open its trace')];
}

function callFacts(call, info) {
  return h('section', { class: 'panel', 'data-part': 'facts' }, h('h2', { class: 'spoken' }, 'Facts'), facts([
    ['Time', time(call.time, { millis: true })],
    ['Policy', code(label(call.policy, call.operation))],
    ['Tenant', [code(call.tenant || '–'), call.plan && ` on plan ${call.plan}`]],
    ['Took', ms(call.latency_ms)],
    ['Attempts', String(call.attempts.length)],
    ['Breaker', call.breaker],
    ['Limits decided by', decidedText(call.state)],
    ['Limit that refused', call.limit && code(call.limit)],
    ['Fallback', call.fallback],
    ['Proxy error', call.proxy_error && code(call.proxy_error)],
    ['Third party said', call.upstream_status ? `${call.upstream_status}, after ${ms(call.upstream_ms)}` : ''],
    ['Cut off', call.broken],
    ['Call', [code(call.id), ' ', copyButton('the call’s id', call.id)]],
    ['Trace', traceLink(call.trace_id, info.trace_ui)],
  ]));
}

function variables(call) {
  const list = (title, what, items) => items?.length > 0 && h('div', { 'data-variables': what }, h('h3', null, title),
    table(title, ['Name', 'Value'], h('tbody', null, items.map((v) => h('tr', null, h('th', { scope: 'row' }, code(v.name)),
      cell('Value', null, code(value(oneLine(v.value, 1000))))))), { class: 'pairs' }));
  if (!call.vars?.length && !call.input?.length) return null;
  return h('section', { class: 'panel', 'data-part': 'variables' }, h('h2', null, 'Variables'), h('div', { class: 'columns' },
    list('Read from the answer', 'vars', call.vars), list('Sent by the bot', 'input', call.input)));
}

const same = (a, b) => a && b && a.status === b.status && a.body === b.body;

function messages(call) {
  const got = same(call.response, call.received);
  return h('div', { class: 'messages' },
    call.request && message('request', 'What the bot sent', 'the bot’s request', call.request),
    call.sent ? message('sent', 'What went out', 'what went out', call.sent, 'To the third party, in the last attempt. Secrets are not kept.')
      : h('section', { class: 'panel message', 'data-part': 'sent' }, h('h2', null, 'What went out'), h('p', { class: 'quiet' }, 'Nothing was sent.')),
    call.received ? message('received', 'What came back', 'what came back', call.received)
      : h('section', { class: 'panel message', 'data-part': 'received' }, h('h2', null, 'What came back'), h('p', { class: 'quiet' }, 'Nothing came back.')),
    call.response && (got
      ? message('response', 'What the bot got', 'what the bot got', { ...call.response, body: '', body_note: 'The same status and body as came back.' })
      : message('response', 'What the bot got', 'what the bot got', call.response, 'Made by the gateway, or changed by it.')));
}

function driftPart(call) {
  if (!call.drift?.length) return null;
  return h('section', { class: 'panel', 'data-part': 'drift' }, h('h2', null, 'The structure had changed'), changesList(call.drift),
    call.operation && h('p', null, h('a', { href: `#/${path('drift', call.policy, call.operation)}` }, 'See the structure')));
}

// whole is all of a call.
function whole(call, info) {
  return h('div', { class: 'stack-gap', 'data-call': call.id }, verdict(call), why(call), waterfall(call), callFacts(call, info),
    driftPart(call), variables(call), messages(call));
}

// callView is the view; it is found by the call's id or its trace id.
export function callView({ info, rest, signal }) {
  const [id] = rest;
  const element = h('div');
  const ready = loading(element, signal, async () => {
    try {
      const call = await get(path('calls', id), signal);
      document.title = visible(`${call.outcome}: ${call.method} ${call.path} – Signpost`);
      return whole(call, info);
    } catch (err) {
      if (err.status !== 404) throw err;
      return empty('This call is not in the log', h('p', null, 'The log keeps the last calls and the last failures of each policy; it was another call’s turn. Say ', code('record'),
        ' in the policy to keep more. ', h('a', { href: '#/calls' }, 'Back to the calls')));
    }
  });
  const back = h('p', { class: 'links' }, h('a', { href: '#/calls' }, '← all calls'));
  return { title: 'One call', name: 'call', tools: back, element, ready };
}
