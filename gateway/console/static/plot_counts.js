// Which counts belong to the inputs, and the texts around them; gateway/console/plots.py does the same on the server.

import { numberText } from './numbers.js';

const PLACES = /\{\{|\}\}|\{([^{}]*)\}/g;

export const filled = (text, values) =>
  text.replace(PLACES, (found, name) => (name === undefined ? found[0] : values[name] ?? ''));

// One text per bin: a level is what its JSON says.
const key = levels => JSON.stringify(levels);

// The groups of each series by their levels, made once.
export const indexed = counts =>
  counts.series.map(series => new Map(series.groups.map(group => [key(group.of), group])));

function seriesOf(counts, groups, at, values, texts) {
  const { name, by } = counts.series[at];
  const bins = groups[at].get(key(by.map(field => values[field])))?.bins ?? [];
  const rows = bins.reduce((sum, [, count]) => sum + count, 0);
  const bars = bins.map(([bin, count]) => ({
    bin,
    low: counts.start + bin * counts.width,
    high: counts.start + (bin + 1) * counts.width,
    count,
    percent: 100 * count / rows,
  }));
  return { name: filled(name, texts), rows, bars };
}

// What is drawn for these values of the form; `prediction` is null where no number was predicted.
export function pictureOf(plot, fields, counts, groups, given, prediction) {
  const values = Object.fromEntries(fields.map(({ name, default: otherwise }) => [name, given[name] ?? otherwise ?? null]));
  const texts = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value === null ? 'missing' : String(value)]));
  const value = typeof prediction === 'number' ? prediction : null;
  return {
    title: filled(plot.title, texts),
    x: filled(plot.x, texts),
    y: filled(plot.y, texts),
    series: counts.series.map((_, at) => seriesOf(counts, groups, at, values, texts)),
    value,
    line: value === null ? '' : filled(plot.line, { ...texts, value: numberText(value, plot.decimals) }),
  };
}

// The rows of the table: a bin of any series, with the bars of each.
export function rowsOf(picture) {
  const bins = new Map();
  picture.series.forEach(({ bars }, at) => bars.forEach(bar => {
    if (!bins.has(bar.bin)) bins.set(bar.bin, { low: bar.low, high: bar.high, cells: picture.series.map(() => null) });
    bins.get(bar.bin).cells[at] = bar;
  }));
  return [...bins.entries()].sort(([left], [right]) => left - right).map(([, row]) => row);
}
