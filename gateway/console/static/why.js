// Why the model answers so: bars by input and marked words, drawn as gateway/console/why.py draws them.

import { marked } from './marked_text.js';
import { numberText, percentText } from './numbers.js';
import { lastResult, onAnswer } from './predict.js';
import { entryOf, explains, fieldOf } from './state.js';

const MOST_ROWS = 10, MOST_VALUE = 40;
const SVG = 'http://www.w3.org/2000/svg';
const at = id => document.getElementById(id);
const box = at('explain'), section = at('why');

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  element.append(...children);
  return element;
}

function drawn(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  element.append(...children);
  return element;
}

// Whether somebody has just asked: the page moves to the answer once.
let isNew = false;

const sign = part => (part > 0 ? 'plus' : 'minus');

export function signed(part) {
  const rounded = Number(part.toPrecision(3));
  return rounded > 0 ? `+${numberText(rounded)}` : numberText(rounded);
}

export function level(value, scale) {
  if (value === null) return numberText(null);
  const text = numberText(Number(value.toPrecision(4)));
  return scale === 'log-odds' ? `${text} = ${percentText(1 / (1 + Math.exp(-value)))}` : text;
}

const titleOf = name => fieldOf(name).title || name;

function valueOf(name) {
  const field = fieldOf(name);
  const { text, value } = entryOf(name);
  if (value === null ? field.default === null : field.missing.includes(value)) return 'missing';
  const shown = value === null ? String(field.default) : typeof value === 'number' ? numberText(value) : text;
  const short = shown.length > MOST_VALUE ? `${shown.slice(0, MOST_VALUE)}…` : shown;
  return field.unit ? `${short} ${field.unit}` : short;
}

function bar(part, most) {
  const size = Math.round(10000 * Math.abs(part) / most) / 100;
  return drawn('svg', { class: 'effect', viewBox: '-100 0 200 10', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    drawn('line', { x1: 0, x2: 0, y1: 0, y2: 10 }),
    drawn('rect', { class: sign(part), x: part > 0 ? 0 : -size, y: 1, width: size, height: 8 }));
}

const sub = text => (text ? [' ', make('span', { class: 'sub' }, text)] : []);
const head = (name, below) => make('th', { scope: 'row' }, name, ...sub(below));
const row = (name, below, drawing, text) => make('tr', {},
  head(name, below), make('td', {}, drawing), make('td', { class: 'figure' }, text));
const total = (name, below, text) => make('tr', { class: 'level' },
  head(name, below), make('td', { class: 'figure', colspan: 2 }, text));

function rowsOf({ base, margin, scale, contributions, others }) {
  const parts = Object.entries(contributions).map(([name, part]) => [titleOf(name), valueOf(name), part])
    .sort(([, , one], [, , other]) => Math.abs(other) - Math.abs(one));
  const shown = parts.slice(0, MOST_ROWS), rest = parts.slice(MOST_ROWS);
  if (rest.length || others !== undefined) {
    shown.push(['all other inputs', '', rest.reduce((sum, [, , part]) => sum + part, others ?? 0)]);
  }
  const most = Math.max(...shown.map(([, , part]) => Math.abs(part))) || 1;
  return [
    total('Start', 'before any input', level(base, scale)),
    ...shown.map(([name, value, part]) => row(name, value, bar(part, most), signed(part))),
    total('Together', '', level(margin, scale)),
  ];
}

const piece = ([text, side, strength, part]) => (side
  ? make('mark', { class: side, 'data-level': strength, title: signed(part) }, text) : text);
const textsOf = ({ tokens = {} }) => Object.entries(tokens).map(([name, found]) =>
  make('p', { class: 'marked', 'data-field': titleOf(name) }, ...marked(entryOf(name).text ?? '', Object.entries(found)).map(piece)));

function draw({ ok, reply }) {
  if (!ok) return;
  const { explanation } = reply.body ?? {};
  section.hidden = !explains() || !explanation;
  if (section.hidden) return;
  at('why-rows').replaceChildren(...rowsOf(explanation));
  at('why-texts').replaceChildren(...textsOf(explanation));
  if (at('why-of')) at('why-of').textContent = String(explanation.of);
  if (isNew) section.scrollIntoView({ block: 'nearest' });
  isNew = false;
}

// Draw the reasons of each answer from now on, and of the one that came meanwhile.
export function start(isAsked) {
  isNew = isAsked;
  box.addEventListener('change', () => {
    isNew = box.checked;
    if (!box.checked) section.hidden = true;
  });
  onAnswer(draw);
  const last = lastResult();
  if (last?.reply.body?.explanation) draw(last);
}
