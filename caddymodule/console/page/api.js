// The one place that asks the gateway. All paths are relative to the page, so
// that the console works below any path.

// Problem is an answer that is not what was asked for, or none.
export class Problem extends Error {
  constructor(status, title, detail) {
    super(detail || title);
    this.status = status;
    this.title = title;
    this.detail = detail;
  }

  // lost tells that there was no answer, or one of something in between that
  // could not reach the gateway.
  get lost() {
    return this.status === 0 || (this.status >= 502 && this.status <= 504);
  }
}

// PATIENCE is how long an answer may take, in milliseconds. A test call may
// take as long as the longest deadline there is.
const PATIENCE = 15000;
const PATIENCE_TEST = 70000;

let skew = 0;

// now is the gateway's clock, to which all its times belong.
export const now = () => Date.now() + skew;

// connection tells its listeners of "lost" and "found".
export const connection = new EventTarget();
let lost = false;

function setLost(value) {
  if (value === lost) return;
  lost = value;
  connection.dispatchEvent(new Event(value ? 'lost' : 'found'));
}

// path joins segments, each of which may hold any character.
export const path = (...segments) => segments.map(encodeURIComponent).join('/');

// query is path with those parameters that say something.
export function query(base, params) {
  const kept = Object.entries(params).filter(([, value]) => value !== '' && value !== null && value !== undefined && value !== false);
  return kept.length ? `${base}?${new URLSearchParams(kept)}` : base;
}

async function readProblem(response) {
  const named = { 401: 'Not signed in', 403: 'Not allowed', 404: 'Not there', 502: 'Gateway away', 504: 'Gateway away' };
  let told = {};
  if (/[/+]json/.test(response.headers.get('Content-Type') ?? '')) told = await response.json().catch(() => ({}));
  return new Problem(response.status, told.title || named[response.status] || response.statusText || `Status ${response.status}`, told.detail);
}

// exact keeps whole numbers that JavaScript would round, such as the numbers of
// orders, as they are written; browsers that cannot do that round them.
function exact(_, value, context) {
  const long = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
  return long && context && JSON.rawJSON ? JSON.rawJSON(context.source) : value;
}

async function ask(method, where, { signal, body } = {}) {
  const patience = AbortSignal.timeout(where === 'test' ? PATIENCE_TEST : PATIENCE);
  const init = { method, signal: signal ? AbortSignal.any([signal, patience]) : patience, cache: 'no-store', credentials: 'same-origin' };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { 'Content-Type': 'application/json' };
  }
  let response;
  try {
    response = await fetch(`signpost/${where}`, init);
    const date = Date.parse(response.headers.get('Date') ?? '');
    // The header has whole seconds; a smaller difference means nothing.
    if (!Number.isNaN(date)) skew = Math.abs(date - Date.now()) < 2000 ? 0 : date - Date.now();
    if (response.ok) {
      const answer = JSON.parse(await response.text(), exact);
      setLost(false);
      return answer;
    }
  } catch (err) {
    if (signal?.aborted) throw err;
    if (response) throw new Problem(response.status, 'Unreadable answer', 'What came back is not the JSON of the operator API. Something between this page and the gateway may have answered instead.');
    setLost(true);
    throw new Problem(0, 'No answer', patience.aborted ? 'The gateway did not answer in time.' : 'The gateway cannot be reached.');
  }
  const problem = await readProblem(response);
  setLost(problem.lost);
  throw problem;
}

// get reads what the gateway knows.
export const get = (where, signal) => ask('GET', where, { signal });

// post changes something; body is any JSON, or left out.
export const post = (where, body, signal) => ask('POST', where, { body, signal });

// wait is over after that many milliseconds, at once when the signal stops it,
// and not while nobody looks at the page.
function wait(milliseconds, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', look);
      signal.removeEventListener('abort', done);
      resolve();
    };
    let due = false;
    const look = () => { if (due && !document.hidden) done(); };
    const timer = setTimeout(() => { due = true; look(); }, milliseconds);
    document.addEventListener('visibilitychange', look);
    signal.addEventListener('abort', done);
  });
}

// reached waits until the gateway answers again, or the signal stops it.
export async function reached(signal) {
  for (;;) {
    await wait(2000, signal);
    if (signal.aborted) return;
    try {
      await get('info', signal);
      return;
    } catch (err) {
      if (!err.lost) return;
    }
  }
}

// every does something again and again, that long after it was done, until the
// signal stops it. What goes wrong is the banner's to tell, and is tried again.
export async function every(milliseconds, signal, work) {
  for (;;) {
    await wait(milliseconds, signal);
    if (signal.aborted) return;
    await work().catch((err) => { if (!(err instanceof Problem) && !signal.aborted) console.error(err); });
  }
}
