// How all of the page is made: elements whose text is text. Nothing here, or
// anywhere in the page, makes HTML of a string.

const SVG = 'http://www.w3.org/2000/svg';

// Characters that show nothing, or that change how their neighbours are shown:
// controls, bidirectional marks and overrides, zero-width and tag characters,
// line separators, and halves of surrogate pairs.
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\p{Cs}\u{e0000}-\u{e0fff}]/gu;

const SHORT = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

// picture writes a hidden character as JavaScript would; not every font has
// signs for them.
function picture(char) {
  const code = char.codePointAt(0);
  if (Object.hasOwn(SHORT, char)) return SHORT[char];
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

// visible gives text in which every character can be seen, so that hostile
// text cannot pass for another.
export function visible(text) {
  return String(text).replace(HIDDEN, picture);
}

// visibleLines is visible, but for the ends of lines and tabs.
export function visibleLines(text) {
  return String(text).replace(/\r\n/g, '\n').replace(HIDDEN, (char) => (char === '\n' || char === '\t' ? char : picture(char)));
}

// webURL gives the address when it is one of the web, else null: a
// javascript: or data: address never becomes a link.
export function webURL(text) {
  try {
    const url = new URL(text);
    return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : null;
  } catch {
    return null;
  }
}

function setProp(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (typeof value === 'function') {
    element.addEventListener(name.replace(/^on/, ''), value);
    return;
  }
  if (name === 'href' && !String(value).startsWith('#')) {
    value = webURL(value);
    if (value === null) return;
  }
  if (name === 'value') {
    element.value = value;
    return;
  }
  if (name === 'style' || name === 'srcdoc' || name.startsWith('on')) throw new Error(`no ${name} may be set from text`);
  element.setAttribute(name, value === true ? '' : visible(value));
}

function append(parent, child) {
  if (Array.isArray(child)) {
    for (const one of child) append(parent, one);
  } else if (child instanceof Node) {
    parent.append(child);
  } else if (child !== null && child !== undefined && child !== false) {
    const text = parent.closest?.('pre') || parent.localName === 'pre' ? visibleLines(child) : visible(child);
    parent.append(document.createTextNode(text));
  }
}

function make(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) setProp(element, name, value);
  append(element, children);
  return element;
}

// h makes an element. Functions among the props become listeners, all else
// attributes; children are elements, text, lists of both, or nothing.
export function h(tag, props, ...children) {
  return make(document.createElement(tag), props, children);
}

// s is h for the elements of SVG.
export function s(tag, props, ...children) {
  return make(document.createElementNS(SVG, tag), props, children);
}

// replace puts children in the place of what the element holds.
export function replace(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

// spoken is text for those who listen to the page.
export const spoken = (text) => h('span', { class: 'spoken' }, text);

// code is text of a machine's, kept apart from the direction of its neighbours.
export const code = (text, props) => h('code', props, text);

// cell is a cell of a table that becomes a card on small screens; there the
// label stands before it.
export const cell = (label, props, ...children) => h('td', { 'data-label': label, ...props }, ...children);

// table makes a table with a caption that is spoken and columns of these
// names.
export function table(caption, columns, body, props) {
  return h('table', { class: 'cards', ...props },
    h('caption', { class: 'spoken' }, caption),
    h('thead', null, h('tr', null, columns.map((name) => h('th', { scope: 'col' }, name)))),
    body);
}

// facts is a list of names and values; those with nothing to say are left out.
export function facts(pairs, props) {
  return h('dl', { class: 'facts', ...props }, pairs
    .filter(([, value]) => value !== null && value !== undefined && value !== '')
    .map(([name, value]) => h('div', { class: name === 'Trace' ? 'wide' : null }, h('dt', null, name), h('dd', null, value))));
}
