// Where the time of a call went: the gateway, each attempt, the pauses
// between them.

import { cell, code, h, s, table } from './dom.js';
import { badge, ms } from './format.js';

// phases cuts a call into its parts, in order.
function phases(call) {
  const parts = [];
  let at = 0;
  call.attempts.forEach((attempt, i) => {
    if (attempt.start_ms > at) parts.push({ kind: i === 0 ? 'gateway' : 'pause', name: i === 0 ? 'Gateway, before' : 'Back-off', start: at, length: attempt.start_ms - at });
    parts.push({ kind: 'attempt', name: `Attempt ${i + 1}`, start: attempt.start_ms, length: attempt.duration_ms, attempt });
    at = Math.max(at, attempt.start_ms + attempt.duration_ms);
  });
  if (call.latency_ms > at) parts.push({ kind: 'gateway', name: parts.length ? 'Gateway, after' : 'Gateway', start: at, length: call.latency_ms - at });
  return parts;
}

function row(part, total) {
  const place = (value) => `${((100 * value) / total).toFixed(2)}%`;
  const kind = part.attempt && part.attempt.outcome !== 'success' ? 'attempt failed' : part.kind;
  return h('tr', { 'data-phase': part.kind },
    h('th', { scope: 'row' }, part.name),
    h('td', { class: 'track' }, s('svg', { 'aria-hidden': 'true' },
      s('rect', { class: 'rail', width: '100%', height: '100%' }),
      s('rect', { class: kind, x: place(Math.min(part.start, total * 0.995)), width: place(Math.max(part.length, total * 0.005)), height: '100%' }))),
    cell('From', { class: 'number' }, ms(part.start)),
    cell('Took', { class: 'number' }, ms(part.length)),
    cell('What came of it', null, part.attempt && [badge(part.attempt.outcome), part.attempt.status > 0 && ` ${part.attempt.status}`, ' ',
      code(part.attempt.host), part.attempt.proxy_error && [' ', code(part.attempt.proxy_error)]]));
}

// waterfall shows a call's parts as bars with their numbers.
export function waterfall(call) {
  const parts = phases(call);
  const total = Math.max(call.latency_ms, ...parts.map((p) => p.start + p.length), 0.001);
  const sum = (kind) => parts.filter((p) => p.kind === kind).reduce((all, p) => all + p.length, 0);
  const pause = sum('pause');
  return h('section', { class: 'panel', 'data-part': 'timing' }, h('h2', null, 'Where the time went'),
    call.attempts.length
      ? h('p', null, `${ms(call.latency_ms)} in all: `, h('strong', null, ms(sum('attempt'))), ' of attempts, ',
        pause > 0 && [h('strong', null, ms(pause)), ' of back-off, '], h('strong', null, ms(sum('gateway'))), ' of the gateway’s own.')
      : h('p', null, `${ms(call.latency_ms)} in all; nothing was sent to the third party.`),
    table('Parts of the call', ['Part', 'When', 'From', 'Took', 'What came of it'], h('tbody', null, parts.map((p) => row(p, total))), { class: 'cards waterfall' }));
}
