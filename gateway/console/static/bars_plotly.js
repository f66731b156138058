// The same bars by Plotly: hover, zoom and PNG. Loaded after the first answer, and only where a plot is.

import { numberText } from './numbers.js';

// The basic bundle draws other types as something else, without an error.
const TYPES = new Set(['bar']);
const STYLE_ID = 'plotly.js-style-global';
let loading = null;

// Plotly reads a few tags in its texts; these are texts of others.
export const escaped = text => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function element(tag, attributes) {
  const made = Object.assign(document.createElement(tag), attributes);
  return new Promise((resolve, reject) => {
    made.addEventListener('load', () => resolve());
    made.addEventListener('error', () => reject(new Error(`cannot load ${tag}`)));
    document.head.append(made);
  });
}

// Its rules come as a file before the script: the policy refuses those that it would insert.
export function load({ script, style }) {
  loading ??= element('link', { rel: 'stylesheet', href: style, id: STYLE_ID, className: 'no-inline-styles' })
    .then(() => element('script', { src: script }));
  return loading;
}

export function refuseOthers(traces) {
  const other = traces.find(({ type }) => !TYPES.has(type));
  if (other) throw new Error(`a plot of type ${other.type} cannot be drawn: only ${[...TYPES].join(', ')}`);
}

const trace = (series, colour) => ({
  type: 'bar',
  name: escaped(`${series.name} (${numberText(series.rows)})`),
  x: series.bars.map(({ low, high }) => (low + high) / 2),
  width: series.bars.map(({ low, high }) => 0.8 * (high - low)),
  y: series.bars.map(({ percent }) => percent),
  customdata: series.bars.map(({ low, high, count }) => [numberText(low), numberText(high), numberText(count)]),
  hovertemplate: '%{customdata[0]} to %{customdata[1]}<br>%{y:.1f} % · %{customdata[2]} rows<extra>%{fullData.name}</extra>',
  opacity: 0.55,
  marker: { color: colour },
});

function line({ value, line: text }, colour) {
  if (value === null) return {};
  const place = { x: value, xref: 'x', yref: 'paper' };
  return {
    shapes: [{ type: 'line', x0: value, x1: value, xref: 'x', yref: 'paper', y0: 0, y1: 1, line: { dash: 'dash', width: 2, color: colour } }],
    annotations: [{ ...place, y: 1, yanchor: 'bottom', showarrow: false, text: escaped(text), font: { color: colour } }],
  };
}

const hasMouse = () => matchMedia('(hover: hover)').matches;

// A custom property holds its text; only a colour that is used says which of light and dark it is.
function colourOf(area, name) {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  area.after(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function layout(picture, area) {
  const style = getComputedStyle(area);
  const [text, grid, card] = [style.color, colourOf(area, '--line'), colourOf(area, '--card')];
  const axis = title => ({ title: { text: escaped(title) }, gridcolor: grid, zerolinecolor: grid, linecolor: grid, automargin: true });
  return {
    barmode: 'overlay', bargap: 0.2, showlegend: false, paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)',
    font: { family: style.fontFamily, size: 12, color: text }, margin: { l: 52, r: 12, t: 40, b: 48 }, height: area.clientHeight,
    modebar: { bgcolor: 'rgba(0,0,0,0)', color: colourOf(area, '--soft'), activecolor: text },
    hoverlabel: { bgcolor: card, bordercolor: grid, font: { color: text, family: style.fontFamily } },
    xaxis: { ...axis(picture.x), tickformat: ',' }, yaxis: { ...axis(picture.y), rangemode: 'tozero' },
    ...line(picture, text),
  };
}

// The caption of the page is title and legend; a saved picture goes without the page, so it holds both itself.
function save(area, picture, name) {
  const { width, height } = area.getBoundingClientRect();
  const saved = {
    ...layout(picture, area), title: { text: escaped(picture.title), x: 0.02, font: { size: 16 } }, showlegend: true,
    legend: { orientation: 'h', y: -0.22, yanchor: 'top', x: 0 }, paper_bgcolor: colourOf(area, '--card'),
    margin: { l: 64, r: 16, t: 72, b: 48 },
  };
  return window.Plotly.downloadImage({ data: area.data, layout: saved }, { format: 'png', filename: name, width, height: height + 60 });
}

// Draw, or draw again; `name` is that of a saved picture.
export async function drawPlotly(area, picture, name) {
  const traces = picture.series.map((series, at) => trace(series, colourOf(area, `--series-${at}`)));
  refuseOthers(traces);
  await window.Plotly.react(area, traces, layout(picture, area), {
    responsive: true, displayModeBar: hasMouse(), displaylogo: false, showSendToCloud: false, plotlyServerURL: '',
    modeBarButtonsToRemove: ['toImage', 'select2d', 'lasso2d', 'autoScale2d'],
    modeBarButtonsToAdd: [{
      name: 'save', title: 'Download plot as a PNG', icon: window.Plotly.Icons.camera, click: () => save(area, picture, name),
    }],
  });
}
