// What a page asks of the gateway: its public JSON, and modules that come when they are needed.
// Asking for JSON never throws: whatever happens is a reply with `failure`, or with a status.

import { fetchWithKey } from './key.js';
import { island } from './state.js';

// The gateway ends a call by its own deadline; this one is for answers that never come.
const PATIENCE_MS = 5000;
// A route with an input of that name has no such option: its answer is shown as JSON.
const isTaken = island.fields.some(field => [field.name, ...field.aliases].includes('_detail'));
const OPTION = isTaken ? '?' : '?_detail=true';

const watchers = new Set();
let tries = 0;

// Load a module. Some browsers never ask again for one that did not come: a further try has an address of its own.
export const load = path => import(path).catch(() => import(`${path}?try=${++tries}`));

// `fn(generation)` is called with the generation of every response.
export function onGeneration(fn) {
  watchers.add(fn);
}

function failed(failure) {
  return { ok: false, status: 0, body: null, text: '', faults: [], generation: null, version: null, ms: null, retryAfter: null, failure };
}

function milliseconds(response, started) {
  const told = /total;dur=([\d.]+)/.exec(response.headers.get('Server-Timing') ?? '');
  return told ? Number(told[1]) : performance.now() - started;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function post(url, body, signal) {
  const deadline = AbortSignal.timeout(island.limits.timeout_s * 1000 + PATIENCE_MS);
  const started = performance.now();
  try {
    const response = await fetchWithKey(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body,
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    });
    const text = await response.text();
    const generation = response.headers.get('X-Gateway-Generation');
    watchers.forEach(fn => fn(generation));
    const said = parsed(text);
    const wait = response.headers.get('Retry-After');
    return {
      ok: response.ok && said !== null,
      status: response.status,
      body: said,
      text,
      faults: said?.errors ?? [],
      generation,
      version: response.headers.get('X-Model-Version'),
      ms: milliseconds(response, started),
      retryAfter: wait === null ? null : Number(wait),
      failure: null,
    };
  } catch {
    if (signal?.aborted) return failed('aborted');
    return failed(deadline.aborted ? 'deadline' : 'unreachable');
  }
}

// Predict one instance; `body` is its JSON where numbers are to be sent as they were typed.
export function predict(instance, { signal, body = JSON.stringify(instance), explain = false } = {}) {
  return post(island.url + OPTION + (explain ? '&_explain=true' : ''), body, signal);
}

// Predict many by one request, each row as its JSON; with `skip` a bad row is null among the answers. A bare list is a
// batch for every route, also for one with an input called `instances`.
export function predictMany(rows, { signal, skip = false } = {}) {
  const url = island.url + OPTION + (skip ? '&_on_error=skip' : '');
  return post(url, `[${rows.join(',')}]`, signal);
}

const inWords = fault => [fault.message, fault.hint].filter(Boolean).join(' – ');

// Return field -> what the server says is wrong with it.
export function faultsByField({ faults }) {
  const found = new Map();
  for (const fault of faults) found.set(fault.field, [...(found.get(fault.field) ?? []), inWords(fault)]);
  return new Map([...found].map(([field, texts]) => [field, texts.join('; ')]));
}
