// The views of structure drift: all operations, and one with its differences.

import { every, get, path, post, query } from './api.js';
import { changesList } from './change.js';
import { cell, code, facts, h, replace, spoken, table } from './dom.js';
import { count, label, time } from './format.js';
import { act, confirm, empty, loading, note } from './widget.js';

const STATES = {
  drifting: ['bad', '≠', 'answers differ from the structure'],
  watching: ['good', '=', 'answers are as they were'],
  learning: ['late', '…', 'the next success teaches the structure'],
  off: ['gone', '–', 'not watched'],
};

function stateBadge(state, ignored) {
  const [kind, sign, words] = STATES[state] ?? ['gone', '?', state];
  return [h('span', { class: `badge ${kind}`, 'data-drift-state': state, title: words }, h('span', { 'aria-hidden': 'true' }, `${sign} `), state),
    ignored && [' ', h('span', { class: 'badge plain' }, 'ignored')]];
}

const place = (it) => `#/${path('drift', it.policy, it.operation)}`;

function row(it) {
  return h('tr', { 'data-drift': label(it.policy, it.operation) },
    h('th', { scope: 'row' }, h('a', { href: place(it) }, label(it.policy, it.operation))),
    cell('State', null, stateBadge(it.state, it.ignored), it.pinned && [' ', h('span', { class: 'badge plain' }, 'pinned')]),
    cell('Changes', { class: 'number' }, count(it.changes?.length)),
    cell('Drifting since', null, it.drifting_since ? time(it.drifting_since) : '–'),
    cell('Told by', { class: 'number' }, `${count(it.count)} of ${count(it.answers)} answers`),
    cell('Learned', null, it.learned ? time(it.learned) : '–'));
}

// driftView is the list of all operations.
export function driftView({ signal }) {
  const element = h('div');
  const ready = loading(element, signal, async () => {
    const body = h('tbody');
    const columns = ['Operation', 'State', 'Changes', 'Drifting since', 'Told by', 'Learned'];
    let said = '';
    const show = async () => {
      const { operations } = await get('drift', signal);
      const says = JSON.stringify(operations);
      if (says === said || body.contains(document.activeElement)) return operations;
      said = says;
      const order = Object.keys(STATES);
      replace(body, [...operations].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state)).map(row));
      return operations;
    };
    if (!(await show()).length) {
      return empty('No operation is watched', h('p', null, 'The first success of an operation fixes the structure that later answers are compared with. Write an ', code('operation'), ' into a policy, and let a bot call it.'));
    }
    every(5000, signal, show);
    return h('div', { class: 'panel' }, table('Structures of answers', columns, body));
  });
  return { title: 'Structure drift', element, ready };
}

const KINDS = { same: [' ', ''], changed: ['≠', 'changed: '], added: ['+', 'new: '], removed: ['−', 'gone: '] };

// depth is how deep a path lies, and name its last member.
function nameOf(at) {
  const segments = at.match(/\.[^.[\]]+|\[(?:'(?:[^'\\]|\\.)*'|[^\]]*)\]/g) ?? [];
  return { depth: Math.min(segments.length, 12), name: segments.length ? segments.at(-1).replace(/^\./, '') : at };
}

function side(line, type, columnName) {
  if (!type) return cell(columnName, { class: 'nothing' }, h('span', { 'aria-hidden': 'true' }, '·'), spoken('nothing'));
  const { depth, name } = nameOf(line.path);
  return cell(columnName, null, h('code', { class: `line depth-${depth}`, title: line.path }, name, ': ', h('span', { class: 'type' }, type)));
}

function diffTable(diff) {
  return table('The structure compared with, and the answers now', [spoken('Change'), 'Compared with', 'Now'], h('tbody', null, diff.map((line) => {
    const [sign, words] = KINDS[line.kind] ?? ['?', `${line.kind}: `];
    return h('tr', { class: `diff-${line.kind}`, 'data-kind': line.kind },
      h('th', { scope: 'row', class: 'sign' }, h('span', { 'aria-hidden': 'true' }, sign), spoken(words + line.path)),
      side(line, line.old, 'Compared with'), side(line, line.new, 'Now'));
  })), { class: 'diff' });
}

function structureList(structure) {
  const lines = Object.entries(structure ?? {});
  if (!lines.length) return h('p', { class: 'quiet' }, 'No structure is known yet; the next success fixes it.');
  return h('ul', { class: 'plain structure', 'data-part': 'structure' }, lines.map(([at, type]) => {
    const { depth, name } = nameOf(at);
    return h('li', null, h('code', { class: `line depth-${depth}`, title: at }, name, ': ', h('span', { class: 'type' }, type)));
  }));
}

// CHANGES are what can be done with a structure, and what is asked before.
const CHANGES = {
  accept: ['Accept', 'The structure of the answers now becomes the one that later answers are compared with.'],
  ignore: ['Ignore', 'This difference is told no more, in headers, events or alerts. Another one is.'],
  forget: ['Forget', 'The structure is forgotten; the next success teaches it anew.'],
  pin: ['Pin', 'The structure known now stays, also over restarts, until it is changed by hand.'],
};

function buttons(it, refresh) {
  const possible = it.state === 'drifting' ? ['accept', 'ignore', 'forget'] : it.pinned ? ['forget'] : ['pin', 'forget'];
  return h('div', { class: 'buttons' }, possible.map((what) => h('button', { type: 'button', class: what === 'accept' ? 'primary' : null, 'data-action': `drift-${what}`, click: async (event) => {
    const button = event.currentTarget;
    const [name, text] = CHANGES[what];
    const name2 = label(it.policy, it.operation);
    if (!await confirm({ title: `${name} the structure of ${name2}?`, text, action: name, danger: what === 'forget' })) return;
    await act(button, async () => { await post(path('drift', it.policy, it.operation, what)); await refresh(); }, `${name}: done for ${name2}.`);
  } }, CHANGES[what][0])));
}

function one(it, changes, refresh) {
  const drifting = it.state === 'drifting';
  const diff = h('div', { 'data-part': 'diff' });
  const choose = h('input', { type: 'checkbox', change: () => showDiff() });
  const showDiff = () => replace(diff, diffTable(choose.checked ? it.diff.filter((line) => line.kind !== 'same') : it.diff));
  if (drifting && it.diff?.length) showDiff();
  return h('div', { class: 'stack-gap', 'data-drift': label(it.policy, it.operation) },
    h('section', { class: 'panel stack-gap' }, h('p', { class: 'big' }, stateBadge(it.state, it.ignored), h('span', null, STATES[it.state]?.[2] ?? '')),
      facts([['Learned', it.learned && time(it.learned)], ['Pinned', it.pinned ? 'yes' : ''], ['Compared since start', `${count(it.answers)} answers`],
        ['Drifting since', it.drifting_since && time(it.drifting_since)], ['Last seen', it.last_seen && time(it.last_seen)],
        ['Seen', drifting ? `${count(it.count)} times` : '']]),
      changes ? it.state !== 'off' && buttons(it, refresh) : note('This console only shows. Say ', code('allow_changes'), ' to accept changes here.')),
    it.changes?.length > 0 && h('section', { class: 'panel' }, h('h2', null, 'What changed'), changesList(it.changes)),
    drifting && it.diff?.length > 0
      ? h('section', { class: 'panel' }, h('div', { class: 'row' }, h('h2', null, 'Then and now'), h('label', { class: 'check' }, choose, 'Changed lines only')), diff)
      : h('section', { class: 'panel' }, h('h2', null, 'Structure'), structureList(it.structure)));
}

// driftOneView is one operation.
export function driftOneView({ info, rest, signal }) {
  const [policy, operation] = rest;
  const element = h('div');
  const where = path('drift', policy, operation ?? '');
  let said = '';
  // What is counted goes on all the time; the view is made anew for more.
  const says = (it) => JSON.stringify([it.state, it.learned, it.pinned, it.ignored, it.changes, it.diff, it.structure]);
  const fill = () => loading(element, signal, async () => {
    const it = await get(where, signal);
    said = says(it);
    return one(it, info.allow_changes, fill);
  });
  const ready = fill();
  every(5000, signal, async () => { if (said && says(await get(where, signal)) !== said) await fill(); });
  const back = h('p', { class: 'links' }, h('a', { href: '#/drift' }, '← all structures'), h('a', { href: query('#/calls', { policy, operation }) }, 'calls'));
  return { title: `Structure of ${label(policy, operation)}`, name: 'drift-one', tools: back, element, ready };
}
