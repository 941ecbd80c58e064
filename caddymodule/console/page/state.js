// The state that sidecars share: a banner above every view while Redis is away,
// and a line among the policies while it is there.

import { every, get } from './api.js';
import { code, h, replace } from './dom.js';
import { ms, time } from './format.js';

// awayText says that Redis is away, since when, why, and what that means.
function awayText(state) {
  return [
    'Redis is away since ', time(state.since),
    state.reason && ` (${state.reason})`,
    state.fail === 'closed' ? ': calls are refused as overloaded until it is back.' : ': each sidecar goes on with its own limits.',
  ];
}

// tellState keeps the banner true until the signal stops it. The text is only
// made anew when it changes, as it is read out.
export function tellState(banner, signal) {
  let said = '';
  const look = async () => {
    const state = await get('state', signal);
    const away = state.kind === 'redis' && !state.there;
    const says = away ? JSON.stringify([state.since, state.reason, state.fail]) : '';
    if (says === said) return;
    said = says;
    replace(banner, away && awayText(state));
    banner.hidden = !away;
  };
  look().catch(() => {}); // A lost connection has a banner of its own.
  every(3000, signal, look);
}

// stateLine says how the shared state does, or gives nothing where none is there.
export function stateLine(state) {
  if (state.kind !== 'redis' || !state.there) return null;
  return h('p', { class: 'quiet', 'data-shared': state.mode }, 'Limits hold over all sidecars: Redis at ', code(state.address),
    ` (${state.mode}) answers in ${ms(state.round_trip_ms)}. This sidecar is `, code(state.sidecar), '.');
}

// decidedText says who decided on a call's limits, or nothing where none is shared.
export function decidedText(state) {
  const words = { redis: 'Redis', local: 'this sidecar alone, as Redis was away', refused: 'nobody, as Redis was away' };
  return state && [words[state.decided] ?? '–', `, after ${ms(state.wait_ms)}`];
}
