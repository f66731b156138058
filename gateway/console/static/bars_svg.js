// Bars, axes and the line of the prediction as SVG, where Plotly is not there; gateway/console/plot_drawing.py draws the same.

import { numberText } from './numbers.js';

const SPACE = 'http://www.w3.org/2000/svg';
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [720, 360, 52, 16, 28, 48];
const FLOOR = HEIGHT - BOTTOM;
const TICKS = 8;

function make(tag, attributes, text = '') {
  const element = document.createElementNS(SPACE, tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  if (text) element.textContent = text;
  return element;
}

export function ticks(low, high) {
  const rough = (high - low) / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(one => one * power).find(one => one >= rough);
  const found = [];
  for (let at = Math.ceil(low / step); at <= Math.floor(high / step); at += 1) found.push(at * step);
  return found;
}

function bar(series, at, { low, high, count, percent }, x, y) {
  const rect = make('rect', {
    'data-series': at, x: x(low + 0.1 * (high - low)), width: 0.8 * (x(high) - x(low)), y: y(percent), height: FLOOR - y(percent),
  });
  rect.append(make('title', {}, `${series.name}: ${numberText(low)} to ${numberText(high)}, ${numberText(percent, 1)} %, `
    + `${numberText(count)} of ${numberText(series.rows)} rows`));
  return rect;
}

// Return the SVG of a picture; null where there are no bars.
export function drawBars(picture) {
  const bars = picture.series.flatMap(series => series.bars);
  if (!bars.length) return null;
  const bounds = [...bars.flatMap(({ low, high }) => [low, high]), ...(picture.value === null ? [] : [picture.value])];
  const [low, high] = [Math.min(...bounds), Math.max(...bounds)];
  const most = Math.max(...bars.map(({ percent }) => percent));
  const x = value => LEFT + (value - low) * (WIDTH - LEFT - RIGHT) / (high - low);
  const y = percent => FLOOR - percent * (FLOOR - TOP) / most;
  const svg = make('svg', { class: 'plot-svg', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-labelledby': 'plot-caption' });
  ticks(0, most).forEach(tick => svg.append(
    make('line', { class: 'grid', x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick) }),
    make('text', { x: LEFT - 6, y: y(tick) + 4, 'text-anchor': 'end' }, numberText(tick))));
  ticks(low, high).forEach(tick => svg.append(
    make('text', { x: x(tick), y: FLOOR + 18, 'text-anchor': 'middle' }, numberText(tick))));
  picture.series.forEach((series, at) => svg.append(...series.bars.map(one => bar(series, at, one, x, y))));
  if (picture.value !== null) {
    const at = x(picture.value);
    svg.append(make('line', { class: 'predicted', x1: at, x2: at, y1: TOP, y2: FLOOR }),
      make('text', { class: 'predicted', x: at, y: TOP - 8, 'text-anchor': at > WIDTH / 2 ? 'end' : 'start' }, picture.line));
  }
  svg.append(make('text', { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 8, 'text-anchor': 'middle' }, picture.x),
    make('text', { class: 'upright', x: 14, y: (TOP + FLOOR) / 2, 'text-anchor': 'middle' }, picture.y));
  return svg;
}
