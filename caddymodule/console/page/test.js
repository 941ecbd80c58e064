// The view that sends a test call and shows what its answer holds.

import { get, path, post } from './api.js';
import { verdict, why } from './call.js';
import { code, h, replace } from './dom.js';
import { ms } from './format.js';
import { inputField, readInput } from './input.js';
import { bodyOf } from './message.js';
import { tree } from './tree.js';
import { copyable, empty, loading, note, trouble } from './widget.js';

const OTHER = '';

const field = (text, input, remark) => h('label', { class: 'field' }, text, input, remark && h('span', { class: 'quiet' }, remark));

const pick = (name, choices, chosen, change) => h('select', { name, change }, choices.map(([value, text]) => h('option', { value, selected: value === chosen }, text)));

// otherFields are for a call that no operation describes.
function otherFields() {
  return [
    h('div', { class: 'columns narrow' },
      field('Method', pick('method', ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'].map((m) => [m, m]), 'GET')),
      field('Path', h('input', { name: 'path', value: '/', required: true, autocomplete: 'off', spellcheck: 'false' })),
      field('Query', h('input', { name: 'query', placeholder: 'a=b&c=d', autocomplete: 'off', spellcheck: 'false' }))),
    field('Headers', h('textarea', { name: 'headers', rows: '2', placeholder: 'Accept: application/json', spellcheck: 'false' }), 'one on each line'),
    field('Body', h('textarea', { name: 'body', rows: '4', spellcheck: 'false' })),
  ];
}

function readHeaders(text) {
  const headers = {};
  for (const line of text.split('\n').filter((l) => l.trim())) {
    const colon = line.indexOf(':');
    if (colon < 1) throw new Error(`The header line “${line}” has no colon.`);
    headers[line.slice(0, colon).trim()] = line.slice(colon + 1).trim();
  }
  return headers;
}

function readForm(form, operation) {
  const data = new FormData(form);
  const body = { policy: data.get('policy') };
  for (const name of ['tenant', 'timeout']) if (data.get(name).trim()) body[name] = data.get(name).trim();
  if (operation) {
    const read = operation.inputs.map((input) => [input.var, readInput(input, data.get(`input:${input.var}`))]);
    return { ...body, operation: operation.name, vars: Object.fromEntries(read.filter(([, value]) => value !== undefined)) };
  }
  body.method = data.get('method');
  body.path = data.get('path');
  for (const name of ['query', 'body']) if (data.get(name)) body[name] = data.get(name);
  const headers = readHeaders(data.get('headers'));
  return Object.keys(headers).length ? { ...body, headers } : body;
}

// picked shows where a value is, and the line that reads it.
function picked(value) {
  return [h('p', null, h('span', { class: 'quiet' }, 'JSONPath '), copyable('the JSONPath', value.path)),
    value.extract && h('p', null, h('span', { class: 'quiet' }, 'In the policy '), copyable('the extract line', value.extract))];
}

function answerPart(result) {
  const chosen = h('div', { class: 'picked', role: 'status', 'data-part': 'picked' }, h('p', { class: 'quiet' }, 'Take a value to see its JSONPath and the line that reads it.'));
  return h('section', { class: 'panel', 'data-part': 'answer' }, h('h2', null, 'The answer'),
    result.values.length ? [chosen, tree(result.values, (value) => replace(chosen, picked(value))),
      result.values_left_out > 0 && note(`${result.values_left_out} more values are left out.`)]
      : h('p', { class: 'quiet' }, 'It holds no JSON whose values could be named.'),
    result.answer && h('details', null, h('summary', null, `Body, status ${result.answer.status}`), bodyOf(result.answer, 'the answer')));
}

function showResult(result) {
  return h('div', { class: 'stack-gap' }, verdict(result.call), answerPart(result), why(result.call),
    h('p', null, `Took ${ms(result.call.latency_ms)}. `, h('a', { href: `#/${path('calls', result.call.id)}` }, 'See the whole call')));
}

// sender gives the function that sends the form's call and shows what came.
function sender(form, result, said, operationOf, signal) {
  const button = form.querySelector('[type="submit"]');
  const complaint = form.querySelector('[data-complaint]');
  return async (event) => {
    event.preventDefault();
    if (button.getAttribute('aria-disabled') === 'true') return;
    replace(complaint);
    let body;
    try {
      body = readForm(form, operationOf());
    } catch (err) {
      replace(complaint, err.message);
      return;
    }
    button.setAttribute('aria-disabled', 'true');
    replace(result);
    said.className = 'quiet';
    replace(said, 'Waiting for the third party …');
    try {
      const answer = await post('test', body, signal);
      // The verdict below shows the same.
      said.className = 'spoken';
      replace(said, `Outcome ${answer.call.outcome}, route ${answer.call.route || 'none'}.`);
      replace(result, showResult(answer));
    } catch (err) {
      if (signal.aborted) return;
      replace(said);
      replace(result, trouble(err));
    } finally {
      button.removeAttribute('aria-disabled');
    }
  };
}

function testForm(policies, params, signal) {
  const wanted = params.get('policy');
  let policy = policies.find((p) => p.name === wanted) ?? policies[0];
  let operation = policy.operations.find((o) => o.name === params.get('operation'));
  const result = h('div', { 'data-part': 'result' });
  const said = h('p', { class: 'quiet', role: 'status', 'data-part': 'said' });
  const operations = h('div');
  const fields = h('div', { class: 'stack-gap form-fields' });
  const showFields = () => replace(fields, operation ? [h('p', { class: 'quiet' }, code(`${operation.method} ${operation.template}`)), operation.inputs.map(inputField)] : otherFields());
  const showOperations = () => {
    operation ??= policy.operations[0];
    replace(operations, field('Operation', pick('operation', [...policy.operations.map((o) => [o.name, o.title || o.name]), [OTHER, 'other: method and path']], operation?.name ?? OTHER, (event) => {
      operation = policy.operations.find((o) => o.name === event.currentTarget.value);
      showFields();
    })));
    showFields();
  };
  const form = h('form', { class: 'panel stack-gap', 'data-form': 'test' },
    h('div', { class: 'columns narrow' },
      field('Policy', pick('policy', policies.map((p) => [p.name, p.title || p.name]), policy.name, (event) => {
        policy = policies.find((p) => p.name === event.currentTarget.value);
        operation = undefined;
        showOperations();
      })), operations,
      field('Tenant', h('input', { name: 'tenant', value: params.get('tenant') ?? '', placeholder: 'anonymous', autocomplete: 'off', spellcheck: 'false' })),
      field('Deadline', h('input', { name: 'timeout', placeholder: 'the policy’s', size: 8, autocomplete: 'off' }), 'such as 3s')),
    fields,
    h('p', { class: 'reason', role: 'alert', 'data-complaint': true }),
    h('div', { class: 'buttons' }, h('button', { type: 'submit', class: 'primary', 'data-action': 'send' }, 'Send the call'),
      h('span', { class: 'quiet' }, 'A real call: it takes limits and goes to the third party.')));
  showOperations();
  form.addEventListener('submit', sender(form, result, said, () => operation, signal));
  return h('div', { class: 'stack-gap' }, form, said, result);
}

// testView is the view.
export function testView({ info, params, signal }) {
  const element = h('div');
  const ready = loading(element, signal, async () => {
    if (!info.allow_changes) {
      return empty('This console only shows', h('p', null, 'A test call is a real one. To send it from here, write ', code('allow_changes'), ' into the console’s directive:'),
        h('pre', null, 'signpost_console {\n\tallow_changes\n}'), h('p', null, 'Or send it on the command line:'), h('pre', null, 'caddy signpost call store.order_status --var order_number=4711'));
    }
    const { policies } = await get('policies', signal);
    if (!policies.length) return empty('There are no policies to test', h('p', null, 'Write a policy into the Caddyfile first.'));
    return testForm(policies, params, signal);
  });
  return { title: 'Test a call', element, ready };
}
