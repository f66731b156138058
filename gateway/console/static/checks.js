// The rules of a field, checked before anything is sent; the server checks them all, and more (patterns, choices).

import { plain } from './answers.js';

// What a number box holds ("+5", "007", ".5" are numbers to people, not to JSON).
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const SHOWN = 80;

const characters = text => [...text].length;
const quoted = text => `'${characters(text) > SHOWN ? `${[...text].slice(0, SHOWN).join('')}…` : text}'`;

export const isNumeric = field => field.control === 'number' || field.control === 'integer';

function fault(value, token, text) {
  return { value, token, fault: text };
}

// Write a number as JSON does, with every digit that was typed.
function jsonOf(text) {
  return text.replace('+', text.startsWith('+') ? '' : '+').replace(/^(-?)0+(?=\d)/, '$1').replace(/^-?(?=\.)/, '$&0').replace(/\.(?=e|$)/i, '');
}

function number(field, text) {
  const trimmed = text.trim();
  const value = Number(trimmed);
  if (!NUMBER.test(trimmed)) {
    return fault(text, 'null', `${quoted(text)} is not a ${field.control === 'integer' ? 'whole ' : ''}number for ${field.name}`);
  }
  if (!Number.isFinite(value)) return fault(text, 'null', `${trimmed} is out of the range of numbers for ${field.name}`);
  return { value, token: jsonOf(trimmed), fault: outside(field, value, trimmed) };
}

function outside(field, value, text) {
  if (field.missing?.includes(value)) return '';
  const of = ` for ${field.name}`;
  if (field.control === 'integer' && !Number.isInteger(value)) return `${text} is not a whole number${of}`;
  const rules = [
    [field.minimum, limit => value < limit, 'below the minimum'],
    [field.exclusiveMinimum, limit => value <= limit, 'not greater than'],
    [field.maximum, limit => value > limit, 'above the maximum'],
    [field.exclusiveMaximum, limit => value >= limit, 'not less than'],
  ];
  const broken = rules.find(([limit, breaks]) => limit !== null && limit !== undefined && breaks(limit));
  return broken ? `${text} is ${broken[2]} ${broken[0]}${of}` : '';
}

function level(field, text) {
  const found = field.levels.find(one => one.text === text);
  // The text of a number is its JSON, with digits that the number itself has lost beyond 2^53.
  if (found) return { value: found.value, token: typeof found.value === 'string' ? JSON.stringify(found.value) : found.text, fault: '' };
  // The model may take levels that it does not know as missing ones: the server decides.
  const isTaken = field.unknown === 'missing' || field.missing?.map(String).includes(text);
  const rule = field.control === 'boolean' ? 'true or false' : 'a valid choice';
  return fault(text, JSON.stringify(text), isTaken ? '' : `${quoted(text)} is not ${rule} for ${field.name}`);
}

function free(field, text) {
  const length = characters(text);
  const entry = { value: text, token: JSON.stringify(text), fault: '' };
  if (field.missing?.includes(text)) return entry;
  if (length < (field.minLength ?? 0)) entry.fault = `${quoted(text)} is shorter than ${field.minLength} characters for ${field.name}`;
  if (field.maxLength !== null && length > (field.maxLength ?? Infinity)) {
    entry.fault = `${quoted(text)} is too long for ${field.name} – at most ${field.maxLength} characters, these are ${length}`;
  }
  return entry;
}

function missing(field) {
  const isNeeded = field.required && !field.nullable && (field.default ?? null) === null;
  return { value: null, token: 'null', fault: isNeeded ? `${field.name} is required` : '' };
}

// Say whether an empty box is an empty text, and not a missing value.
export const emptyIsText = field => field.levels ? field.levels.some(one => one.text === '') : field.control === 'text' && field.minLength === 0;

// Read a text as the form dialect of the server does; null is a missing value.
// `value` is typed as JSON has it, `token` is its JSON with numbers as typed, `fault` says which rule it breaks.
export function read(field, text) {
  if (text === null || (text === '' && !emptyIsText(field))) return { text, ...missing(field) };
  if (field.levels) return { text, ...level(field, text) };
  return { text, ...(isNumeric(field) ? number(field, text) : free(field, text)) };
}

// Return the text of a typed value: what its box shows.
export function textOf(field, value) {
  if (value === null || value === undefined) return null;
  return field.levels?.find(one => one.value === value)?.text ?? String(value);
}

// Return the text of a value as it is written in JSON.
export function textOfToken(field, token) {
  if (token === 'null') return null;
  // As it is written first: whole numbers beyond 2^53 are equal to their neighbours once they are parsed.
  const text = plain(token);
  if (!field.levels || field.levels.some(level => level.text === text)) return text;
  return textOf(field, JSON.parse(token));
}
