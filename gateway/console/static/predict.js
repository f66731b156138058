// When to predict: a slider every 100 ms, a typist after 150, a writer after 400. One request is under way, the newest
// waits: a request that is given up does not stop a worker.

import { predict } from './api.js';
import { body, explains, faults, instance, island, subscribe, values } from './state.js';

const GAP_MS = 100;
const DELAY_MS = { slide: 0, set: 0, typing: 150, text: 400 };

const listeners = { start: new Set(), answer: new Set(), result: new Set(), refused: new Set() };
let timer = null;
let due = Infinity;
let begun = -Infinity;
let underWay = false;
let waits = false;
let last = null;
let sent = null;

const on = name => fn => { listeners[name].add(fn); };
const tell = (name, ...told) => listeners[name].forEach(fn => fn(...told));

// `fn()` before each request; it may return a function that is called once the reply is there.
export const onStart = on('start');
// `fn({ok, values, reply, detail})` after every reply, and after the last one only.
export const onAnswer = on('answer');
export const onResult = on('result');
// `fn(faults)` where local rules say that nothing is to be sent.
export const onRefused = on('refused');

export const lastResult = () => last;
export const busy = () => underWay || waits || timer !== null;

function plan(how) {
  const now = performance.now();
  const at = Math.max(now + DELAY_MS[how], begun + GAP_MS);
  // A slider that goes on moving does not put its prediction off, a typist does.
  if (timer !== null && DELAY_MS[how] === 0 && due <= at) return;
  clearTimeout(timer);
  due = at;
  timer = setTimeout(fire, at - now);
}

function fire() {
  timer = null;
  if (underWay) waits = true;
  else send();
}

// What an answer is for: the inputs, and whether it is to be explained.
const questionOf = () => body() + (explains() ? '?' : '');

async function send() {
  const found = faults();
  if (Object.keys(found).length) {
    sent = null;
    tell('refused', found);
    return;
  }
  const [text, asked] = [body(), questionOf()];
  if (asked === sent) return;
  sent = asked;
  underWay = true;
  begun = performance.now();
  const [given, ends] = [values(), [...listeners.start].map(fn => fn())];
  const reply = await predict(instance(), { body: text, explain: explains() });
  underWay = false;
  ends.forEach(end => end?.());
  if (reply.failure !== 'aborted') settle({ ok: reply.ok, values: given, reply, detail: reply.ok ? reply.body : null });
  if (waits) {
    waits = false;
    plan('slide');
  }
}

function settle(result) {
  if (!result.ok) sent = null;
  last = result;
  const isNewest = !waits && timer === null;
  if (result.ok || isNewest) tell('answer', result);
  if (isNewest) tell('result', result);
}

// Predict the present values now, also if nothing changed.
export function again() {
  sent = null;
  clearTimeout(timer);
  fire();
}

// What the server has refused, or cannot answer yet, waits for a change.
function mayBegin() {
  const refused = document.querySelector('#state[data-kind], .field [aria-invalid="true"]');
  return !refused && !['FAILED', 'LOADING'].includes(island.state) && Object.keys(faults()).length === 0;
}

// Begin: what the server has already answered is not asked again.
export function start() {
  const served = island.result && JSON.stringify(island.inputs) === JSON.stringify(values());
  if (served) {
    sent = questionOf();
    last = { ok: true, values: values(), reply: { ok: true, status: 200, version: island.result.version }, detail: island.result.body };
  }
  subscribe((names, how) => plan(how));
  if (!served && mayBegin()) plan('set');
}
