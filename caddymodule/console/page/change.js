// Changes of an answer's structure, in words.

import { cell, code, h, table } from './dom.js';
import { copyable } from './widget.js';

// changesList says of each change what it was, what it is, who reads it, and
// what to write instead.
export function changesList(changes) {
  return table('What changed', ['Path', 'Was', 'Is', 'Read by', 'Write instead'], h('tbody', null, changes.map((change) => h('tr', { 'data-change': change.path },
    h('th', { scope: 'row' }, code(change.path)),
    cell('Was', null, code(change.was)),
    cell('Is', null, h('strong', null, code(change.is))),
    cell('Read by', null, change.vars?.length ? change.vars.map((v, i) => [i > 0 && ', ', code(v)]) : '–'),
    cell('Write instead', null, change.extract ? copyable('the extract line', change.extract)
      : change.suggest ? ['it may be at ', copyable('the path', change.suggest)] : '–')))), { class: 'cards changes' });
}
