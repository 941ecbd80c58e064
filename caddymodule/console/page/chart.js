// Small charts, drawn in SVG. Each says in words what it shows.

import { h, s } from './dom.js';
import { count, family, ms, rate, share } from './format.js';

const WIDTH = 180;
const HEIGHT = 40;
const SLOTS = 60;

// slots puts the minutes of the last hour in their places; minutes without
// calls are null.
export function slots(minutes, nowText) {
  const last = Math.floor(Date.parse(nowText) / 60000);
  const places = new Array(SLOTS).fill(null);
  for (const minute of minutes) {
    const at = SLOTS - 1 - (last - Math.floor(Date.parse(minute.start) / 60000));
    if (at >= 0 && at < SLOTS) places[at] = minute;
  }
  return places;
}

const ago = (at) => (at === SLOTS - 1 ? 'this minute' : `${SLOTS - 1 - at} min ago`);
const left = (at) => (at * WIDTH) / SLOTS;
const right = (at) => ((at + 0.5) * WIDTH) / SLOTS;

function frame(label, children) {
  return s('svg', { class: 'spark', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label },
    s('line', { class: 'base', x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5 }), children);
}

function titled(name, value, chart) {
  return h('figure', { class: 'chart' }, h('figcaption', null, h('span', null, name), h('strong', null, value)), chart);
}

// callsChart has a bar for each minute; its lower part are failed calls.
export function callsChart(places, perMinute) {
  const most = Math.max(1, ...places.map((m) => m?.calls ?? 0));
  const high = (n) => (n * (HEIGHT - 3)) / most;
  const bars = places.map((minute, at) => minute && s('g', null,
    s('title', null, `${ago(at)}: ${count(minute.calls)} calls, ${count(minute.failed)} failed`),
    s('rect', { class: 'bar-calls', x: left(at) + 0.3, width: WIDTH / SLOTS - 0.6, y: HEIGHT - 1 - high(minute.calls), height: high(minute.calls) }),
    minute.failed > 0 && s('rect', { class: 'bar-failed', x: left(at) + 0.3, width: WIDTH / SLOTS - 0.6, y: HEIGHT - 1 - high(minute.failed), height: high(minute.failed) })));
  const words = `Calls in each of the last 60 minutes: at most ${count(most)} in one minute, ${rate(perMinute)} a minute now.`;
  return titled('Calls a minute', rate(perMinute), frame(words, bars));
}

// runs are the stretches of minutes with calls, each a list of places.
function runs(places, value) {
  const found = [];
  let open = null;
  places.forEach((minute, at) => {
    if (minute === null || value(minute) === null || value(minute) === undefined) {
      open = null;
      return;
    }
    if (!open) found.push(open = []);
    open.push([at, value(minute)]);
  });
  return found;
}

// latencyChart is a line over the last hour that breaks where there were no
// calls.
export function latencyChart(name, places, key, overall) {
  const known = places.filter((m) => m !== null).map((m) => m[key] ?? 0);
  const most = Math.max(1, ...known);
  const y = (value) => HEIGHT - 2 - (value * (HEIGHT - 5)) / most;
  const lines = runs(places, (m) => m[key]).map((run) => [
    run.length === 1
      ? s('circle', { class: 'dot', cx: right(run[0][0]), cy: y(run[0][1]), r: 1.6 })
      : s('polyline', { class: 'line', points: run.map(([at, value]) => `${right(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ') }),
    run.map(([at, value]) => s('rect', { class: 'touch', x: left(at), y: 0, width: WIDTH / SLOTS, height: HEIGHT },
      s('title', null, `${ago(at)}: ${ms(value)}`))),
  ]);
  const words = known.length
    ? `${name} over the last 60 minutes: between ${ms(Math.min(...known))} and ${ms(most)}, ${ms(overall)} overall.`
    : `${name}: no calls in the last 60 minutes.`;
  return titled(name, known.length ? ms(overall) : '–', frame(words, lines));
}

// shares is a bar of the parts that each outcome has, and the same in words.
// The legend's words lead to the calls they count.
export function shares(outcomes, hrefOf) {
  const parts = Object.entries(outcomes).filter(([, n]) => n > 0).sort(([, a], [, b]) => b - a);
  const total = parts.reduce((sum, [, n]) => sum + n, 0);
  if (!total) return h('p', { class: 'quiet' }, 'No calls in the last hour.');
  let at = 0;
  const rects = parts.map(([outcome, n]) => {
    const wide = (100 * n) / total;
    const rect = s('rect', { class: `fill ${family(outcome)}`, x: `${at}%`, width: `${wide}%`, height: '100%' },
      s('title', null, `${outcome}: ${share(n, total)}`));
    at += wide;
    return rect;
  });
  return h('div', { class: 'shares' },
    s('svg', { class: 'stack', 'aria-hidden': 'true' }, rects),
    h('ul', { class: 'legend', 'aria-label': 'Outcomes of the last hour' }, parts.map(([outcome, n]) => h('li', null,
      s('svg', { class: `key ${family(outcome)}`, viewBox: '0 0 10 10', 'aria-hidden': 'true' }, s('rect', { width: 10, height: 10, rx: 2 })),
      h('a', { href: hrefOf(outcome) }, outcome), ` ${count(n)} · ${share(n, total)}`))));
}

// meter is how much of something is used, as a bar beside the number.
export function meter(part, words) {
  const kind = part >= 0.9 ? 'bad' : part >= 0.7 ? 'late' : 'good';
  return s('svg', { class: 'meter', role: 'img', 'aria-label': words },
    s('rect', { class: 'rail', width: '100%', height: '100%' }),
    s('rect', { class: `fill ${kind}`, width: `${Math.min(100, Math.max(0, 100 * part))}%`, height: '100%' }));
}
