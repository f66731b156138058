// Keep an open page true: a new generation, a route that comes and goes, a gateway that stops; and recover by itself.

import { cancel, countDown, isPlanned, later, succeeded } from './retry.js';
import { contract, readPage, readSettledPage, writeHead } from './served_page.js';
import { answered, clear, current, dataOf, follow, kindOf, show } from './states.js';

export { waiting } from './states.js';

const BEAT_MS = 5000;
// States that the next good answer ends; the others are news that stays until somebody has read it.
const FAILURES = [
  'waiting', 'invalid', 'loading', 'failed', 'overloaded', 'deadline', 'unreachable', 'refused', 'error', 'gone', 'too-large',
];
// States in which the page waits for its route, not for its gateway.
const NOT_SERVING = ['loading', 'failed'];
// Holds the state that a page shows after its own script has loaded it anew.
const RELOADED = 'gateway-page-loaded-anew';

const { prefix = '', generation } = document.body.dataset;
const dismiss = { text: 'Dismiss', run: () => clear() };
const unreachable = { ok: false, status: 0, failure: 'unreachable' };
let known = generation;
let isChecking = false;
let options = {};
// What makes the answer of this page anew.
let again = () => {};

// Begin to watch. `again` makes the answer of this page anew; `keep` writes the values where a load of the page finds
// them, and returns false where the page has to stay; `unfit` names the values that do not fit; `isRead` is true of a
// page that tells facts and holds no values: another generation loads it anew.
export function start(given = {}) {
  options = given;
  again = given.again ?? again;
  const reloaded = sessionStorage.getItem(RELOADED);
  sessionStorage.removeItem(RELOADED);
  if (NOT_SERVING.includes(current())) {
    follow();
    later(current(), look);
  } else if (current() === 'unreachable') beat(); // the page itself said so before this module came
  else if (reloaded) show(reloaded, { unfit: given.unfit?.() ?? [], actions: [dismiss] });
  document.body.dataset.watched = 'yes';
  const lookAround = () => document.hidden || isPlanned() || beat();
  setInterval(lookAround, BEAT_MS);
  document.addEventListener('visibilitychange', lookAround);
}

// Take in how the newest request ended; where another try can help, `retry` is called without anybody's help.
export function settle(reply, retry = again) {
  answered();
  if (reply.failure === 'aborted') return;
  again = retry;
  cancel();
  const kind = kindOf(reply);
  if (kind === null) {
    succeeded();
    clear(...FAILURES);
  } else if (kind === 'overloaded') countDown(kind, dataOf(reply), again, reply.retryAfter ?? 5);
  else if (kind === 'deadline') countDown(kind, dataOf(reply), again);
  else if (kind === 'unreachable') countDown(kind, dataOf(reply), beat);
  else {
    show(kind, kind === 'gone' ? { actions: [{ text: 'All models', href: `${prefix}/` }] } : dataOf(reply));
    if (NOT_SERVING.includes(kind)) later(kind, look);
  }
}

// Say that the page itself sends nothing: `found` are the faults of the inputs by field.
export function refuse(found) {
  const errors = Object.entries(found).map(([field, message]) => ({ field, message }));
  const detail = errors.map(({ message }) => message).join('; ');
  settle({ ok: false, status: 400, body: { type: 'invalid-input', detail, errors } });
}

// Look whether the route serves by now: its page says so, and no failed request stains the console.
async function look() {
  const page = await readPage();
  if (page === null) settle(unreachable);
  else if (page.status !== 200 || page.contract !== contract) await compare();
  else if (NOT_SERVING.includes(page.state.toLowerCase())) later(current() || 'failed', look);
  else {
    take(page);
    clear(...NOT_SERVING);
    again();
  }
}

// Ask the gateway for its generation; says so where nobody answers, and goes on once somebody does.
async function beat() {
  try {
    const answer = await fetch(`${prefix}/health/live`, { cache: 'no-store', signal: AbortSignal.timeout(10_000) });
    if (answer.status >= 500) throw new Error(`status ${answer.status}`);
    seen(answer.headers.get('X-Gateway-Generation'));
    if (current() !== 'unreachable') return;
    succeeded();
    clear('unreachable');
    again();
  } catch {
    if (!document.hidden) settle(unreachable);
  }
}

// Take notice of the generation that an answer names.
export function seen(named) {
  if (!named || named === known || isChecking) return;
  isChecking = true;
  compare().finally(() => {
    isChecking = false;
  });
}

// Compare the page as it is served now with this one.
async function compare() {
  let page = await readPage();
  const isSame = page?.status === 200 && page.contract === contract;
  if (page === null || (isSame && page.generation === known)) return; // a worker that has not taken the new one over yet
  if (!isSame) page = await readSettledPage();
  if (page === null) return;
  if (page.status === 404) {
    known = page.generation;
    settle({ ok: false, status: 404 });
  } else if (page.contract === contract) {
    take(page);
    cancel();
    if (options.isRead) return loadAnew('generation');
    show('generation', { actions: [dismiss] });
    again();
  } else if (options.keep?.() === false) {
    show('outdated', { actions: [{ text: 'Load the page anew', run: () => loadAnew('changed') }] });
  } else loadAnew('changed');
}

function take(page) {
  known = page.generation;
  writeHead(page);
}

function loadAnew(kind) {
  sessionStorage.setItem(RELOADED, kind);
  location.reload();
}
