// What if one input were another: a curve or bars beside each input, all from one batch request, all others held fixed.

import { load, predictMany } from './api.js';
import { eraseAll, note, outcomeText, picture, scaleOf } from './curves.js';
import { choicesOf, element, pointsOf } from './points.js';
import { busy, lastResult, onResult } from './predict.js';
import { hasIdInput, island, members, objectOf, subscribe, values } from './state.js';

const REST_MS = 250;
const MOST_FIELDS = 24;
// Of the largest body: room for what stands around the rows.
const BODY_SHARE = 0.9;
// One request of curves may take half the deadline; only of a slow prediction all rows are expected to cost as much.
const DEADLINE_MS = island.limits.timeout_s * 1000;
const SLOW_MS = Math.max(250, DEADLINE_MS / 10);
const HELD = 'All other inputs are held fixed. This is what the model says, not a cause.';
const NO_RANGES = 'No curves: no input of this model has a known range or levels.';
const TOO_SLOW = 'No curves: with these values the model is too slow to answer so many rows before its deadline.';
const SAME_ID = 'No curves: the id of a row is an input of this model, and a batch answers each id once.';
const TOO_LARGE = 'No curves: the rows of one curve are larger than a body may be (max_body_size).';

let [timer, request] = [0, null];
// First field of the shown window, key of the number that is drawn, and what the section below is filled from.
let [first, chosen, drawing] = [0, null, null];
// What a row is expected to cost, and what it did where a request came too late.
let [rowMs, lateMs] = [0, 0];

// Draw after each settled prediction, and drop what new values have overtaken.
export function start() {
  for (const field of island.fields) {
    const plan = pointsOf(field, null, island.limits.max_rows);
    if (plan.why) note(field, plan.why);
  }
  subscribe(() => supersede(setTimeout(resume, 2 * REST_MS)));
  onResult(plan);
  if (lastResult()) plan(lastResult());
}

function supersede(next = 0) {
  clearTimeout(timer);
  timer = next;
  request?.abort();
  document.body.dataset.whatif = 'old';
}

// A value that came back to what was predicted last is not predicted again: its curves are still to be drawn.
function resume() {
  const last = lastResult();
  if (last?.ok && JSON.stringify(last.values) === JSON.stringify(values())) ask(last);
}

function plan(result) {
  supersede(result.ok ? setTimeout(ask, REST_MS, result) : 0);
  rowMs = result.reply.ms > SLOW_MS && !result.detail?.explanation ? result.reply.ms : lateMs;
}

// Ask for all points of the window at once; nothing while a prediction is under way: its result plans anew.
async function ask(result) {
  if (busy()) return;
  const shown = windowOf(result.values);
  if (hasIdInput || !shown.plans.length) return nothing(hasIdInput ? SAME_ID : (shown.why ?? NO_RANGES));
  request = new AbortController();
  const { signal } = request;
  const rows = shown.plans.flatMap((one) => one.rows);
  const reply = await predictMany(rows, { signal, skip: true });
  if (signal.aborted) return;
  if (reply.status === 504 || reply.failure === 'deadline') lateMs = rowMs = (2 * DEADLINE_MS) / rows.length;
  if (reply.ok) draw(result, shown, reply.body.predictions ?? reply.body);
  else {
    nothing(`No curves now: ${reply.body?.detail ?? 'the gateway does not answer.'}`);
    if (reply.retryAfter) timer = setTimeout(ask, reply.retryAfter * 1000, result);
  }
}

// Choose the fields of one request: as many as rows, bytes and their number allow, from the first of the window on.
function windowOf(held) {
  const limits = island.limits;
  const drawable = island.fields
    .map((field) => ({ field, ...pointsOf(field, held[field.name] ?? null, limits.max_rows) }))
    .filter((one) => !one.why);
  if (first >= drawable.length) first = 0;
  const others = members(); // as a prediction sends them, numbers as they were typed
  const shown = { plans: [], first, of: drawable.length };
  let [rows, bytes] = [0, 0];
  for (const one of drawable.slice(first, first + MOST_FIELDS)) {
    const { name } = one.field;
    one.rows = one.values.map((value) => objectOf([...others.filter((other) => other[0] !== name), [name, JSON.stringify(value)]]));
    rows += one.rows.length;
    bytes += new Blob(one.rows).size;
    if (bytes > limits.max_body_size * BODY_SHARE) shown.why = TOO_LARGE;
    else if (rows * rowMs > DEADLINE_MS / 2) shown.why = TOO_SLOW;
    if (shown.why || rows > limits.max_rows) break;
    shown.plans.push(one);
  }
  return shown;
}

// Draw all fields of a window on one scale, and write their numbers as a table.
function draw(result, shown, answers) {
  const choices = choicesOf(island.output, result.detail);
  const choice = choices.find((one) => one.key === chosen) ?? choices[0];
  if (!choice) return nothing('No curves: the answers of this model hold no number.');
  const now = choice.read(result.detail);
  const numbers = answers.map(choice.read);
  const hasBars = shown.plans.some((one) => one.kind === 'bars');
  const scale = scaleOf([...numbers, now], choice.isProbability, hasBars);
  eraseAll();
  let begin = 0;
  for (const one of shown.plans) {
    one.outcomes = numbers.slice(begin, (begin += one.rows.length));
    picture(one, { value: result.values[one.field.name] ?? null, outcome: now }, scale, choice);
  }
  drawing = {
    plans: shown.plans, choices, choice, shown,
    choose: (key) => ((chosen = key), draw(result, shown, answers)),
    next: () => ((first = shown.first + shown.plans.length), plan(result)),
  };
  const [low, high] = [scale.low, scale.high].map((end) => outcomeText(end, choice.isProbability));
  const of = shown.plans.length < shown.of ? `Curves of inputs ${shown.first + 1} to ${shown.first + shown.plans.length} of ${shown.of}: numbers and choices` : '';
  write(`Drawn: ${choice.text}, on one scale from ${low} to ${high}.`, of || 'Numbers and choices');
  document.body.dataset.whatif = 'new';
}

function nothing(why) {
  eraseAll();
  drawing = null;
  write(why);
  document.body.dataset.whatif = 'none';
}

// Write the section of all curves; what somebody opens to read is loaded then.
function write(text, more) {
  const place = document.getElementById('whatif-table');
  if (!place.firstChild) {
    place.append(element('h2', '', 'What if'), element('p', 'held', HELD), element('p', 'drawn'), element('details', '', element('summary')));
    place.lastChild.addEventListener('toggle', showNumbers);
  }
  const [, held, drawn, details] = place.children;
  [held.hidden, details.hidden, drawn.textContent, place.hidden] = [!more, !more, text, false];
  details.firstChild.textContent = more ?? '';
  showNumbers();
}

async function showNumbers() {
  const details = document.querySelector('#whatif-table details');
  if (!details.open || !drawing) return;
  const { fill } = await load('./whatif_section.js');
  if (drawing) fill(details, drawing);
}
