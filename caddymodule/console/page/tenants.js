// The tenants that are nearest to a limit.

import { cell, h, replace, table } from './dom.js';
import { meter } from './chart.js';
import { count, share, span } from './format.js';
import { query } from './api.js';

function row(entry) {
  const used = share(entry.used_share, 1);
  return h('tr', { 'data-tenant': entry.tenant },
    h('th', { scope: 'row' }, h('a', { href: query('#/calls', { tenant: entry.tenant }) }, entry.tenant)),
    cell('Plan', null, entry.plan || '–'),
    cell('Limit', null, entry.scope, ' ', h('code', null, entry.window)),
    cell('Used', { class: 'used' }, meter(entry.used_share, `${used} used`), h('span', { class: 'number' }, used)),
    cell('Left', { class: 'number' }, `${count(entry.remaining)} of ${count(entry.limit)}`),
    cell('Frees up in', { class: 'number' }, span(entry.reset_ms)));
}

// tenantsTable is the table, with the function that fills it anew.
export function tenantsTable() {
  const body = h('tbody');
  const place = h('div');
  const element = h('section', { class: 'panel', 'data-panel': 'tenants' }, h('h2', null, 'Tenants nearest to their limits'), place);
  const made = table('Tenants nearest to their limits', ['Tenant', 'Plan', 'Limit', 'Used', 'Left', 'Frees up in'], body);
  const update = (tenants) => {
    const focused = body.contains(document.activeElement) ? document.activeElement.closest('tr').dataset.tenant : null;
    replace(body, tenants.map(row));
    if (focused !== null) [...body.rows].find((r) => r.dataset.tenant === focused)?.querySelector('a').focus({ preventScroll: true });
    replace(place, tenants.length ? made : h('p', { class: 'quiet' }, 'No tenant has called lately.'));
  };
  return { element, update };
}
