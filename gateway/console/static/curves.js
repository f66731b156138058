// Pictures of what-if points beside the inputs: a polyline or a row of bars as inline SVG, which follows the colours of the page.

import { numberText, percentText } from './numbers.js';
import { element, valueText } from './points.js';

const SPACE = 'http://www.w3.org/2000/svg';
const WIDTH = 240;
const HEIGHT = 56;
// Room for the mark of the present value at the edges.
const EDGE = 5;

function shape(name, attributes, text) {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// Return the scale that all pictures of one answer share: probabilities from 0 on, bars too, other numbers as they lie.
export function scaleOf(numbers, isProbability, hasBars) {
  const known = numbers.filter((number) => number !== null);
  let [low, high] = [Math.min(...known), Math.max(...known)];
  if (isProbability) [low, high] = [0, roundUp(high)];
  else if (hasBars) [low, high] = [Math.min(low, 0), Math.max(high, 0)];
  if (!(low < high)) [low, high] = [-1, 1].map((side) => (known[0] ?? 0) + side * Math.max(1, Math.abs(known[0] ?? 0) / 1000));
  const room = HEIGHT - 2 * EDGE;
  return { low, high, y: (number) => HEIGHT - EDGE - room * share(number, low, high) };
}

// Return the next tenth, or hundredth of small ones.
function roundUp(probability) {
  const parts = probability > 0.1 ? 10 : 100;
  return Math.min(1, Math.ceil(probability * parts) / parts);
}

// Return where a number lies between two others; halves first, as the difference of large ones may overflow.
function share(number, low, high) {
  return (number / 2 - low / 2) / (high / 2 - low / 2) || 0;
}

// Draw a curve; points without an answer leave gaps, the present value is a ring on the line.
function drawCurve(points, outcomes, now, scale, label) {
  const svg = canvas(label);
  const all = points.map((value, place) => ({ value, outcome: outcomes[place] }));
  const isInside = typeof now.value === 'number' && now.outcome !== null;
  if (isInside && !points.includes(now.value)) all.push(now);
  all.sort((one, other) => one.value - other.value);
  const [low, high] = [all[0].value, all.at(-1).value];
  const x = (value) => EDGE + (WIDTH - 2 * EDGE) * share(value, low, high);
  for (const part of unbroken(all)) {
    const spots = part.map((point) => `${round(x(point.value))},${round(scale.y(point.outcome))}`);
    if (part.length > 1) svg.append(shape('polyline', { class: 'line', points: spots.join(' ') }));
    else svg.append(dot('spot', x(part[0].value), scale.y(part[0].outcome), 1.5));
  }
  if (isInside) {
    const middle = round(x(now.value));
    svg.append(shape('line', { class: 'now', x1: middle, x2: middle, y1: 0, y2: HEIGHT }));
    svg.append(dot('mark', middle, scale.y(now.outcome), 4));
  }
  return svg;
}

// Draw a bar for each level; the present one has a ring above and another fill.
function drawBars(texts, outcomes, present, scale, label) {
  const svg = canvas(label);
  const step = (WIDTH - 2 * EDGE) / texts.length;
  const zero = scale.y(Math.min(Math.max(0, scale.low), scale.high));
  texts.forEach((text, place) => {
    const outcome = outcomes[place];
    if (outcome === null) return;
    const [left, top] = [EDGE + place * step, scale.y(outcome)];
    const size = { x: round(left + step * 0.1), width: round(step * 0.8) };
    const height = round(Math.max(Math.abs(zero - top), 0.75));
    const bar = shape('rect', { class: place === present ? 'bar present' : 'bar', ...size, y: round(Math.min(top, zero)), height });
    svg.append(bar);
    if (place === present) svg.append(dot('mark', left + step / 2, Math.max(top - 1, 4), 3));
  });
  svg.append(shape('line', { class: 'zero', x1: EDGE, x2: WIDTH - EDGE, y1: round(zero), y2: round(zero) }));
  return svg;
}

function canvas(label) {
  return shape('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': label });
}

function dot(kind, x, y, radius) {
  return shape('circle', { class: kind, cx: round(x), cy: round(y), r: radius });
}

// Split points into runs without a gap.
function unbroken(points) {
  const parts = [[]];
  for (const point of points) {
    if (point.outcome === null) parts.push([]);
    else parts.at(-1).push(point);
  }
  return parts.filter((part) => part.length > 0);
}

const round = (number) => Math.round(number * 100) / 100;

const placeOf = (field) => document.querySelector(`[data-field="${CSS.escape(field.name)}"] [data-curve]`);

export const note = (field, why) => placeOf(field)?.replaceChildren(element('p', 'why', why));

export function eraseAll() {
  for (const place of document.querySelectorAll('[data-curve][data-drawn]')) {
    place.replaceChildren();
    delete place.dataset.drawn;
  }
}

// Put the picture of a field, and what its ends mean, into the place beside the input.
export function picture(plan, now, scale, choice) {
  const { field, kind, values, texts, outcomes } = plan;
  const place = placeOf(field);
  if (!place) return;
  const say = (number) => outcomeText(number, choice.isProbability);
  const known = outcomes.filter((outcome) => outcome !== null);
  const span = known.length ? `${say(Math.min(...known))} to ${say(Math.max(...known))}` : 'no answers';
  const present = now.value === null ? 'missing' : valueText(field, now.value);
  const label = `What if ${field.name}: ${choice.text} ${span}; now ${say(now.outcome)} at ${present}`;
  place.replaceChildren();
  place.dataset.drawn = kind;
  if (kind === 'curve') {
    const ends = [values[0], values.at(-1)].map((value) => valueText({ ...field, unit: '' }, value));
    place.append(drawCurve(values, outcomes, now, scale, label), caption(ends[0], span, ends[1]));
  } else {
    place.append(drawBars(texts, outcomes, values.indexOf(now.value), scale, label), ...extremes(plan, say));
  }
}

// Name the levels with the lowest and the highest number, and how many levels are not asked for.
function extremes({ texts, outcomes, rest }, say) {
  const order = texts.map((_, place) => place).filter((place) => outcomes[place] !== null);
  order.sort((one, other) => outcomes[one] - outcomes[other]);
  if (!order.length) return [caption('no answers')];
  const told = (place) => `${say(outcomes[place])} · ${texts[place]}`;
  const more = rest ? [`${texts.length} of ${texts.length + rest} levels`] : [];
  return [caption(`lowest ${told(order[0])}`, ...more), caption(`highest ${told(order.at(-1))}`)];
}

const caption = (...texts) => element('p', 'ends', ...texts.map((text) => element('span', '', text)));

// Write a drawn number as the page writes its answers.
export function outcomeText(value, isProbability) {
  if (value === null) return 'no answer';
  return isProbability ? percentText(value) : numberText(value);
}
