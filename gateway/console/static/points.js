// What a what-if curve asks, 21 points of a range or one for each level; and which number of the answers it draws.

import { numberText } from './numbers.js';

export const POINTS = 21;
export const LEVELS = 30;
// Fewer points show no shape.
const FEWEST = 3;

// Return `{kind: 'curve' | 'bars', values, rest}` for a field of the form, or `{why}` where there is nothing to ask.
export function pointsOf(field, present, mostRows) {
  const levels = levelsOf(field);
  const most = Math.min(levels ? LEVELS : POINTS, mostRows);
  if (most < FEWEST && (levels?.length ?? POINTS) > most) {
    return { why: `No curve: the route takes ${mostRows} row${mostRows === 1 ? '' : 's'} at once (max_rows).` };
  }
  if (levels?.some(({ value }) => Number.isInteger(value) && !Number.isSafeInteger(value))) {
    return { why: 'No bars: levels beyond 2^53 are not told apart by a browser.' };
  }
  if (levels) return bars(levels, present, most);
  if (field.control === 'text') return { why: 'No curve: a free text has no range.' };
  if (!field.range) return { why: `No curve: the registry names no ${unknownEnd(field)}.` };
  const values = spread(field.range, most, field.integer);
  return { kind: 'curve', values, rest: 0 };
}

// Return the levels of a category or the two of a boolean as `{value, text}`; null for numbers and free texts.
function levelsOf(field) {
  if (field.levels?.length) return field.levels;
  if (field.control !== 'boolean') return null;
  return [true, false].map((value) => ({ value, text: String(value) }));
}

// Choose the first levels; the present one is always among them.
function bars(levels, present, most) {
  const chosen = levels.slice(0, most);
  const now = levels.find((level) => level.value === present);
  if (now && !chosen.includes(now)) chosen[chosen.length - 1] = now;
  return {
    kind: 'bars',
    values: chosen.map((level) => level.value),
    texts: chosen.map((level) => level.text),
    rest: levels.length - chosen.length,
  };
}

// Name the end of the range that the registry does not tell.
function unknownEnd(field) {
  if (typeof field.minimum === 'number') return 'maximum';
  return typeof field.maximum === 'number' ? 'minimum' : 'range';
}

// Return at most `count` values from low to high, both among them; whole ones where the field wants them.
function spread({ low, high }, count, whole) {
  const values = new Set();
  for (let step = 0; step < count; step += 1) {
    const share = step / (count - 1);
    // Not low + (high - low) * share: that difference may overflow.
    const value = low * (1 - share) + high * share;
    const round = whole ? Math.round(value) : Number(value.toPrecision(12));
    values.add(Math.min(high, Math.max(low, round)));
  }
  return [...values];
}

// Key of the choice that follows the predicted label.
const PREDICTED = 'predicted';
const MOST_CHOICES = 60;

// Return the numbers of a detailed answer as `{key, text, isProbability, read}`; the one to begin with is first.
export function choicesOf(output, detail) {
  const positive = output.positive ?? null;
  const found = [...leavesOf(detail, [])].map((path) => choice(path, output));
  const probabilities = found.filter((one) => one.isProbability);
  if (detail.prediction !== null && typeof detail.prediction !== 'object' && probabilities.length) {
    return startingWith(positive, probabilities, predictedChoice(detail));
  }
  return found.slice(0, MOST_CHOICES);
}

function startingWith(positive, probabilities, predicted) {
  const key = positive === null ? null : keyOf(`probabilities/${positive}`);
  const first = probabilities.find((one) => one.key === key) ?? predicted;
  const rest = probabilities.filter((one) => one !== first);
  return (first === predicted ? [first, ...rest] : [first, ...rest, predicted]).slice(0, MOST_CHOICES);
}

// Follow the label that is predicted now: in all rows the probability of that label.
function predictedChoice(now) {
  const label = labelKey(now.prediction, now.probabilities);
  return {
    key: PREDICTED,
    text: `probability of ${label} (the predicted label)`,
    isProbability: true,
    read: (detail) => number(detail?.probabilities?.[label]),
  };
}

// Find a label among the keys of its probabilities: JSON has only texts as keys.
function labelKey(label, probabilities) {
  const keys = Object.keys(probabilities);
  return keys.find((key) => key === String(label)) ?? keys.find((key) => Number(key) === label) ?? String(label);
}

function* leavesOf(value, path) {
  if (typeof value === 'number' || (typeof value === 'boolean' && path.length)) yield path;
  else if (value !== null && typeof value === 'object') {
    for (const [name, inner] of Object.entries(value)) {
      // What the route answers by its template repeats what stands beside it.
      if (path.length || name === 'prediction' || name === 'probabilities') yield* leavesOf(inner, [...path, name]);
    }
  }
}

function choice(path, output) {
  const isProbability = path[0] === 'probabilities';
  const name = path.slice(1).join(' ');
  const unit = output.unit ? ` (${output.unit})` : '';
  return {
    key: keyOf(path.join('/')),
    text: isProbability ? `probability of ${name}` : `${name || 'predicted value'}${unit}`,
    isProbability,
    read: (detail) => number(path.reduce((value, part) => value?.[part], detail)),
  };
}

const keyOf = (path) => `=${path}`;

function number(value) {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

// Make an element with a class; texts and elements become its children.
export function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

// Write a value of a field: a level by its text, a number with its unit.
export function valueText(field, value) {
  const level = field.levels?.find((one) => one.value === value);
  if (level) return level.text;
  if (typeof value !== 'number') return String(value);
  return field.unit ? `${numberText(value)} ${field.unit}` : numberText(value);
}
