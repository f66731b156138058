// What the form holds: one entry for each field, in the order of the registry. Everything else reads and subscribes.

import { read, textOf } from './checks.js';

export const island = JSON.parse(document.getElementById('route').textContent);

const fields = new Map(island.fields.map(field => [field.name, field]));
const names = new Map(island.fields.flatMap(field => [...(field.aliases ?? []), field.name].map(name => [name, field.name])));
const entries = new Map(island.fields.map(field => [field.name, read(field, null)]));
const listeners = new Set();
// Names of a link that no field has.
let strangers = [];
// The option that asks for an explanation, where the route has any.
const EXPLAIN = '_explain';
let explained = island.explains;

export const fieldOf = name => fields.get(name);
export const entryOf = name => entries.get(name);

// `fn(names, how)` is called after every change; `how` is slide, typing, text or set.
export function subscribe(fn) {
  listeners.add(fn);
  return () => listeners.delete(fn);
}

function tell(changed, how) {
  if (changed.length) listeners.forEach(fn => fn(changed, how));
}

// Set several fields from their texts at once; null is a missing value.
export function setTexts(texts, how = 'set') {
  const changed = [];
  for (const [name, text] of texts) {
    const entry = read(fields.get(name), text);
    const old = entries.get(name);
    entries.set(name, entry);
    if (old.text !== entry.text || old.fault !== entry.fault) changed.push(name);
  }
  tell(changed, how);
}

// Keep a text that the browser itself cannot read: its box is the only place where it stands.
export function setUnreadable(name, how) {
  const { control } = fields.get(name);
  const fault = `not a ${control === 'integer' ? 'whole ' : ''}number for ${name}`;
  entries.set(name, { text: null, value: null, token: 'null', fault, isUnreadable: true });
  tell([name], how);
}

export const explains = () => explained;

// Switch explanations on or off; no field changes with it.
export function setExplains(on) {
  if (on === explained) return;
  explained = on;
  listeners.forEach(fn => fn([], 'set'));
}

export function set(name, value) {
  setTexts([[name, textOf(fields.get(name), value)]]);
}

export const setAll = values => setTexts(Object.entries(values)
  .filter(([name]) => names.has(name))
  .map(([name, value]) => [names.get(name), textOf(fields.get(names.get(name)), value)]));

export const values = () => Object.fromEntries([...entries].map(([name, entry]) => [name, entry.value]));

// Local faults by field; nothing is sent while there is one.
export const faults = () => Object.fromEntries([...entries].filter(([, entry]) => entry.fault).map(([name, entry]) => [name, entry.fault]));

// What is sent, as [name, JSON text]: a field that must not be null is left out where it has no value.
export const members = () => [...entries]
  .filter(([name, entry]) => entry.value !== null || fields.get(name).nullable)
  .map(([name, entry]) => [name, entry.token]);

export const instance = () => Object.fromEntries(members().map(([name]) => [name, entries.get(name).value]));

// The instance as JSON, numbers as they were typed.
export const objectOf = pairs => `{${pairs.map(([name, token]) => `${JSON.stringify(name)}:${token}`).join(',')}}`;
export const body = () => objectOf(members());

// Rows that differ in one input have one id then, and an object of answers holds an id once.
export const hasIdInput = island.batch === 'by_id' && island.id_fields.some(name => names.has(name));

const encoded = text => encodeURIComponent(text).replaceAll('%20', '+');

// All fields as `a=1&b=x`; in a fragment a missing value is a bare name, in a query an empty one.
function written(separator) {
  const pairs = [...entries].filter(([, entry]) => !entry.isUnreadable)
    .map(([name, entry]) => encoded(name) + (entry.text === null ? separator : `=${encoded(entry.text)}`));
  return [...pairs, ...(explained ? [`${EXPLAIN}=true`] : [])].join('&');
}

export const fragment = () => written('');
export const query = () => written('=');

// Put the inputs into the address, where a load of the page finds them.
export const keep = () => history.replaceState(history.state, '', `${location.pathname}#${fragment()}`);

function decoded(text) {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

// Take the fields that a fragment names; others keep their values. Whatever does not fit is kept, and has its fault.
export function restore(text) {
  const found = new Map();
  strangers = [];
  for (const part of text.split('&').filter(Boolean)) {
    const [, name, value] = /^([^=]*)(?:=(.*))?$/s.exec(part);
    const known = names.get(decoded(name));
    if (known === undefined && name === EXPLAIN && island.explainable) setExplains(value !== 'false');
    else if (known === undefined) strangers.push(decoded(name));
    else found.set(known, value === undefined ? null : decoded(value));
  }
  setTexts(found);
  return found;
}

export const unknownNames = () => strangers;
export const unfit = () => [...strangers, ...Object.keys(faults()).filter(name => entries.get(name).text !== null)];
