// The values of an answer as a tree: the arrows move in it, Enter or a click
// takes a value.

import { h } from './dom.js';
import { oneLine } from './json.js';

// segmentsOf takes a JSONPath that names one place apart into its members.
function segmentsOf(path) {
  const found = [];
  for (const [, member, index, quoted] of path.matchAll(/\.([\p{L}_][\p{L}\p{N}_]*)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]/gu)) {
    found.push(member ?? quoted ?? Number(index));
  }
  return found;
}

function item(value, at, parents) {
  const segments = segmentsOf(value.path);
  const container = value.type === 'object' || value.type === 'array';
  const name = segments.length ? segments.at(-1) : '$';
  const element = h('li', {
    role: 'treeitem', tabindex: at === 0 ? '0' : '-1', 'aria-level': segments.length + 1, 'aria-selected': 'false',
    'aria-expanded': container && parents.has(value.path) ? 'true' : null,
    'data-path': value.path, 'data-type': value.type, class: `depth-${Math.min(segments.length, 12)}`,
  }, h('span', { class: 'twist', 'aria-hidden': 'true' }),
  h('span', { class: 'name' }, typeof name === 'number' ? `[${name}]` : name || '""'),
  h('span', { class: 'type' }, value.type), !container && h('code', { class: `value ${value.type}` }, oneLine(value.value, 120)));
  return { element, value, level: segments.length };
}

// parentsOf are the paths that have something below them.
function parentsOf(values) {
  const parents = new Set();
  values.forEach((value, at) => {
    const next = values[at + 1];
    if (next && next.path.startsWith(value.path) && segmentsOf(next.path).length > segmentsOf(value.path).length) parents.add(value.path);
  });
  return parents;
}

// tree makes the tree; taken is called with the value that the reader takes.
export function tree(values, taken) {
  const parents = parentsOf(values);
  const items = values.map((value, at) => item(value, at, parents));
  const root = h('ul', { class: 'tree', role: 'tree', 'aria-label': 'The answer’s values', 'data-part': 'tree' }, items.map((it) => it.element));

  const shown = () => items.filter((it) => !it.element.hidden);
  const focus = (it) => {
    if (!it) return;
    for (const other of items) other.element.tabIndex = other === it ? 0 : -1;
    it.element.focus();
  };
  const fold = (it, open) => {
    it.element.setAttribute('aria-expanded', String(open));
    let closedAt = Infinity;
    for (let at = items.indexOf(it); at < items.length; at += 1) {
      const one = items[at];
      if (one !== it && one.level <= it.level) break;
      if (one !== it) one.element.hidden = one.level > closedAt;
      if (one.level <= closedAt) closedAt = one.element.getAttribute('aria-expanded') === 'false' ? one.level : Infinity;
    }
  };
  const take = (it) => {
    for (const other of items) other.element.setAttribute('aria-selected', String(other === it));
    taken(it.value);
  };
  const keys = {
    ArrowDown: (it, list) => focus(list[list.indexOf(it) + 1]),
    ArrowUp: (it, list) => focus(list[list.indexOf(it) - 1]),
    Home: (it, list) => focus(list[0]),
    End: (it, list) => focus(list.at(-1)),
    Enter: take,
    ' ': take,
    ArrowRight: (it, list) => {
      if (it.element.getAttribute('aria-expanded') === 'false') fold(it, true);
      else if (it.element.hasAttribute('aria-expanded')) focus(list[list.indexOf(it) + 1]);
    },
    ArrowLeft: (it, list) => {
      if (it.element.getAttribute('aria-expanded') === 'true') fold(it, false);
      else focus(list.slice(0, list.indexOf(it)).findLast((other) => other.level < it.level));
    },
  };
  const find = (target) => items.find((it) => it.element === target.closest('[role="treeitem"]'));
  root.addEventListener('keydown', (event) => {
    const it = find(event.target);
    if (!it || !Object.hasOwn(keys, event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key](it, shown());
  });
  root.addEventListener('click', (event) => {
    const it = find(event.target);
    if (!it) return;
    if (event.target.closest('.twist') && it.element.hasAttribute('aria-expanded')) {
      fold(it, it.element.getAttribute('aria-expanded') === 'false');
      return;
    }
    focus(it);
    take(it);
  });
  return root;
}
