// A request or an answer as the call log has it: headers and body.

import { cell, code, h, table, visibleLines } from './dom.js';
import { pretty } from './json.js';
import { plural, size } from './format.js';
import { copyButton } from './widget.js';

const REDACTED = '[redacted]';

// HEX_MOST is how many bytes of a binary body are shown.
const HEX_MOST = 256;

// value shows text and marks what was taken out of it.
export function value(text) {
  return String(text).split(REDACTED).flatMap((part, at) => [at > 0 && h('mark', { class: 'redacted', title: 'A secret, which is kept nowhere' }, 'redacted'), part]);
}

function headerTable(headers, name) {
  if (!headers?.length) return h('p', { class: 'quiet' }, 'No headers.');
  return table(`Headers of ${name}`, ['Header', 'Value'], h('tbody', null, headers.map(([key, text]) => h('tr', null,
    h('th', { scope: 'row' }, code(key)), cell('Value', null, code(value(text)))))), { class: 'pairs' });
}

function hexLines(base64) {
  let text = '';
  try {
    text = atob(base64.slice(0, Math.ceil(HEX_MOST / 3) * 4));
  } catch {
    return 'What the log has of it cannot be read.';
  }
  const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0)).subarray(0, HEX_MOST);
  const lines = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = [...bytes.subarray(at, at + 16)];
    const hex = part.map((b) => b.toString(16).padStart(2, '0')).join(' ');
    const signs = part.map((b) => (b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : '·')).join('');
    lines.push(`${at.toString(16).padStart(4, '0')}  ${hex.padEnd(47)}  ${signs}`);
  }
  return lines.join('\n');
}

function binary(message) {
  return [h('p', null, `${plural(message.body_bytes, 'byte')} of binary`, message.body_bytes > HEX_MOST && `, the first ${HEX_MOST} here`, '.'),
    h('pre', { class: 'body hex' }, hexLines(message.body))];
}

function bodyText(message, name) {
  const nice = message.body_cut ? null : pretty(message.body);
  const shown = nice ?? message.body;
  const pre = h('pre', { class: 'body', tabindex: '0', role: 'region', 'aria-label': `Body of ${name}`, 'data-body': nice === null ? 'text' : 'json' });
  pre.append(...value(visibleLines(shown)).filter(Boolean));
  return [pre, h('div', { class: 'buttons' }, copyButton(`the body of ${name}`, shown, { raw: true }))];
}

// bodyOf shows the body of a message.
export function bodyOf(message, name) {
  const notes = [
    message.body_cut && h('p', { class: 'note' }, h('span', { class: 'badge late' }, 'cut'), ` The log kept the beginning of ${size(message.body_bytes)}.`),
    message.body_note && h('p', { class: 'note' }, message.body_note),
  ];
  if (!message.body) return [notes, !message.body_note && h('p', { class: 'quiet' }, message.body_bytes ? `A body of ${size(message.body_bytes)}, which was not kept.` : 'No body.')];
  return [notes, message.body_encoding === 'base64' ? binary(message) : bodyText(message, name)];
}

// message shows a request or an answer in full; part is its stable name.
export function message(part, title, name, it, note) {
  const first = it.method ? `${it.method} ${it.url}` : `Status ${it.status}`;
  return h('section', { class: 'panel message', 'data-part': part },
    h('h2', null, title), note && h('p', { class: 'quiet' }, note),
    h('p', { class: 'first-line' }, code(value(first))),
    h('details', { open: Boolean(it.method) && it.headers?.length <= 12 }, h('summary', null, plural(it.headers?.length ?? 0, 'header')), headerTable(it.headers, name)),
    bodyOf(it, name));
}
