// The plot beside the answer: counts once, then a drawing for each answer; by Plotly where it is there, else as SVG.

import { drawBars } from './bars_svg.js';
import { drawPlotly, load } from './bars_plotly.js';
import { fetchWithKey } from './key.js';
import { numberText } from './numbers.js';
import { indexed, pictureOf, rowsOf } from './plot_counts.js';
import { lastResult, onResult } from './predict.js';
import { island } from './state.js';

const plot = island.plot;
const [area, caption, numbers] = ['plot-area', 'plot-caption', 'plot-numbers'].map(id => document.getElementById(id));
let counts = null;
let groups = null;
let usesPlotly = false;
let newest = null;
let drawing = false;

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  element.append(...children);
  return element;
}

const rowsText = ({ rows }) => `(${rows ? `${numberText(rows)} row${rows === 1 ? '' : 's'}` : 'no rows'})`;

function describe(picture) {
  caption.replaceChildren(make('strong', {}, picture.title),
    ...picture.series.flatMap((series, at) => [' ',
      make('span', { class: 'key', 'data-series': at }, `${series.name} `, make('small', {}, rowsText(series)))]),
    ...(picture.line ? [' ', make('span', { class: 'key line' }, picture.line)] : []));
}

const cell = bar => make('td', {}, bar ? `${numberText(bar.percent, 1)} % (${numberText(bar.count)})` : '–');

function tabulate(picture) {
  numbers.hidden = false;
  numbers.querySelector('thead').replaceChildren(make('tr', {}, make('th', { scope: 'col' }, plot.x || 'from'),
    ...picture.series.map(({ name }) => make('th', { scope: 'col' }, name))));
  numbers.querySelector('tbody').replaceChildren(...rowsOf(picture).map(({ low, high, cells }) =>
    make('tr', {}, make('th', { scope: 'row' }, `${numberText(low)} to ${numberText(high)}`), ...cells.map(cell))));
}

async function prepare() {
  if (counts) return;
  const loaded = plot.plotly ? load(plot.plotly).then(() => true, () => false) : false;
  const response = await fetchWithKey(plot.counts);
  if (!response.ok) throw new Error(`the counts of the plot cannot be read: ${response.status}`);
  const found = await response.json();
  usesPlotly = await loaded;
  groups = indexed(found);
  counts = found;
}

// Plotly takes 40 ms for a drawing: the newest answer waits for the one under way, those between are skipped.
async function draw(result) {
  newest = result;
  if (drawing) return;
  drawing = true;
  try {
    await prepare();
    while (newest) {
      const { values, detail } = newest;
      newest = null;
      const isNumber = island.output.kind === 'regression';
      const picture = pictureOf(plot, island.fields, counts, groups, values, isNumber ? detail?.prediction : null);
      describe(picture);
      tabulate(picture);
      await paint(picture);
    }
  } catch (error) {
    newest = null;
    caption.replaceChildren(make('span', { class: 'empty' }, `The plot is not shown: ${error.message}.`));
  } finally {
    drawing = false;
  }
}

async function paint(picture) {
  const isEmpty = !picture.series.some(({ bars }) => bars.length);
  if (usesPlotly && !isEmpty) {
    if (!area.classList.contains('js-plotly-plot')) area.replaceChildren();
    await drawPlotly(area, picture, plot.name);
  } else {
    if (area.classList.contains('js-plotly-plot')) window.Plotly.purge(area);
    area.replaceChildren(drawBars(picture) ?? make('p', { class: 'empty' }, 'No row of the data has these values.'));
  }
}

export function start() {
  if (!plot || plot.problem || !area) return;
  let shown = lastResult();
  onResult(result => { if (result.ok) draw(shown = result); });
  if (shown?.ok) draw(shown);
  // Colours are read when it is drawn.
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { if (shown?.ok) draw(shown); });
}
