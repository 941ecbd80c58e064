// The view of alerts: what was told, and what waits.

import { every, get, path, post } from './api.js';
import { cell, code, h, replace, spoken, table } from './dom.js';
import { count, time } from './format.js';
import { act, confirm, empty, loading } from './widget.js';

function resetButton(alert, refresh) {
  return h('button', { type: 'button', class: 'small', 'data-action': 'alert-reset', click: async (event) => {
    const button = event.currentTarget;
    if (!await confirm({ title: `Reset the alerts of ${alert.policy}?`, text: 'What was counted is forgotten, and the next failure or change is told at once.', action: 'Reset' })) return;
    await act(button, async () => { await post(path('alerts', alert.policy, 'reset')); await refresh(true); }, `The alerts of ${alert.policy} are reset.`);
  } }, 'Reset', spoken(` the alerts of ${alert.policy}`));
}

function row(alert, changes, refresh) {
  return h('tr', { 'data-alert': alert.policy },
    h('th', { scope: 'row' }, code(alert.policy)),
    cell('Last told', null, alert.last_told ? time(alert.last_told) : 'never'),
    cell('Failed calls since', { class: 'number' }, count(alert.failed)),
    cell('Changes since', { class: 'number' }, count(alert.drifted)),
    cell('Told again from', null, alert.next ? time(alert.next) : '–', alert.pending && [' ', h('span', { class: 'badge late' }, 'being sent')]),
    cell('Trouble', null, alert.last_error ? h('span', { class: 'reason' }, alert.last_error) : '–'),
    changes && cell('Change', null, resetButton(alert, refresh)));
}

// alertsView is the view.
export function alertsView({ info, signal }) {
  const element = h('div');
  const changes = info.allow_changes;
  const ready = loading(element, signal, async () => {
    const body = h('tbody');
    let said = '';
    const refresh = async (now) => {
      const answer = await get('alerts', signal);
      const says = JSON.stringify(answer);
      if (says !== said && (now || !body.contains(document.activeElement))) {
        said = says;
        replace(body, answer.alerts.map((alert) => row(alert, changes, refresh)));
      }
      return answer;
    };
    const { alerts, channels } = await refresh(true);
    if (!channels.length) {
      return empty('Nobody is told', h('p', null, 'A policy can tell people when its calls fail or its answers change. Say how in the global block and whom in the policy:'),
        h('pre', null, 'alerts {\n\tsmtp mail.example:587 {\n\t\tfrom signpost@example.com\n\t}\n}\npolicy store https://api.store.example/v2 {\n\talert team@example.com\n}'));
    }
    every(5000, signal, refresh);
    const columns = ['Policy', 'Last told', 'Failed calls since', 'Changes since', 'Told again from', 'Trouble', ...changes ? ['Change'] : []];
    return h('div', { class: 'panel' }, h('p', { class: 'quiet' }, 'Told by ', channels.map((c, i) => [i > 0 && ', ', code(c)]), '.'),
      alerts.length ? table('Alerts', columns, body) : h('p', { class: 'quiet' }, 'Nothing has had to be told yet.'));
  });
  return { title: 'Alerts', element, ready };
}
