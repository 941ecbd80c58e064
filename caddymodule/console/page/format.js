// How numbers, times and words look.

import { h } from './dom.js';

// OUTCOMES is the closed list of outcomes, each with the family whose colour
// it has. The word always stands beside the colour.
export const OUTCOMES = {
  success: 'good',
  client_error: 'told',
  rejected: 'told',
  unmappable: 'told',
  rate_limited: 'held',
  overloaded: 'held',
  circuit_open: 'held',
  timeout: 'late',
  server_error: 'bad',
  unreachable: 'bad',
  incomplete: 'bad',
  internal: 'bad',
  denied: 'own',
  bad_request: 'own',
  not_found: 'own',
  canceled: 'gone',
};

// family gives the family of an outcome, also of one not known yet.
export const family = (outcome) => (Object.hasOwn(OUTCOMES, outcome) ? OUTCOMES[outcome] : 'gone');

// badge shows an outcome: its colour and its word.
export const badge = (outcome) => h('span', { class: `badge ${family(outcome)}`, 'data-outcome': outcome }, outcome || 'unknown');

const whole = new Intl.NumberFormat('en');
const short = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

// count is a whole number with separators.
export const count = (n) => whole.format(n ?? 0);

// rate is a number of three digits.
export const rate = (n) => short.format(n ?? 0);

// plural is a number with the word for it.
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

// share is a part of a whole in percent; what is small is not called nothing.
export function share(part, total) {
  if (!total || !part) return '0 %';
  const percent = (100 * part) / total;
  if (percent < 0.1) return '< 0.1 %';
  return `${percent < 10 || (percent > 90 && percent < 100) ? percent.toFixed(1) : Math.round(percent)} %`;
}

// ms is a duration given in milliseconds.
export function ms(value) {
  if (value === null || value === undefined) return '–';
  if (value >= 60000) return `${Math.floor(value / 60000)} min ${Math.round((value % 60000) / 1000)} s`;
  if (value >= 1000) return `${short.format(value / 1000)} s`;
  return `${short.format(value)} ms`;
}

// size is a number of bytes.
export function size(bytes) {
  if (bytes < 1024) return plural(bytes, 'byte');
  if (bytes < 1024 * 1024) return `${short.format(bytes / 1024)} KiB`;
  return `${short.format(bytes / 1024 / 1024)} MiB`;
}

const two = (n) => String(n).padStart(2, '0');

// clock is a time of the reader's day, with the date when it is not today.
function clock(date, now, millis) {
  const day = date.toDateString() === now.toDateString() ? '' : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} `;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return day + time + (millis ? `.${String(date.getMilliseconds()).padStart(3, '0')}` : '');
}

// time shows an RFC 3339 time of the gateway's; its whole form is the title.
export function time(text, { millis = false } = {}) {
  const date = new Date(text);
  if (!text || Number.isNaN(date.getTime())) return h('span', null, text || '–');
  return h('time', { datetime: text, title: text }, clock(date, new Date(), millis));
}

// span is how long a number of milliseconds is, in the two largest units.
export function span(value) {
  const seconds = Math.max(0, Math.round(value / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

// label is how a policy or an operation of it is named.
export const label = (policy, operation) => (operation ? `${policy}.${operation}` : policy) || '(no policy)';
