// The fields of a test call: one for each variable that an operation takes.

import { code, h } from './dom.js';
import { oneLine } from './json.js';

const nothing = (input) => (input.default !== null && input.default !== undefined ? `default ${oneLine(input.default, 40)}` : 'not sent');

// inputField is the field for one variable.
export function inputField(input) {
  const name = `input:${input.var}`;
  const choices = input.in?.length ? input.in.map((c) => (typeof c === 'string' ? c : JSON.stringify(c))) : input.type === 'bool' ? ['true', 'false'] : null;
  const common = { name, required: input.required, 'data-input': input.var };
  const control = choices
    ? h('select', common, h('option', { value: '' }, input.required ? 'choose …' : nothing(input)), choices.map((c) => h('option', { value: c }, c)))
    : input.type === 'json'
      ? h('textarea', { ...common, rows: '3', spellcheck: 'false', placeholder: input.required ? '{}' : nothing(input) })
      : h('input', { ...common, autocomplete: 'off', spellcheck: 'false', inputmode: input.type === 'number' ? 'decimal' : null, placeholder: input.required ? null : nothing(input) });
  return h('label', { class: 'field' }, h('span', null, code(input.var), h('span', { class: 'quiet' }, ` ${input.type || 'text'}${input.required ? ', required' : ''}`)), control,
    input.matches && h('span', { class: 'quiet' }, 'matches ', code(input.matches)));
}

// readInput is the value of a field as it is sent, undefined when it is left
// empty. It throws when the text is not of the variable's type.
export function readInput(input, text) {
  if (text === null || text === '') return undefined;
  if (!['number', 'bool', 'json'].includes(input.type)) return text;
  try {
    const value = JSON.parse(text);
    if (input.type === 'json' || typeof value === (input.type === 'bool' ? 'boolean' : input.type)) {
      // A long number is sent as it was typed.
      return typeof value === 'number' && JSON.rawJSON ? JSON.rawJSON(text.trim()) : value;
    }
  } catch {
    // Told below, together with values of another type.
  }
  throw new Error(`${input.var} must be ${input.type === 'json' ? 'JSON' : `a ${input.type}`}.`);
}
