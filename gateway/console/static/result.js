// The result of the newest prediction, drawn as the server draws it, and told to screen readers after a rest.

import { members, pretty, viewsOf } from './answers.js';
import { load } from './api.js';
import { numberText, percentText } from './numbers.js';
import { onAnswer, onRefused } from './predict.js';
import { explains, island, setExplains, subscribe } from './state.js';

const REST_MS = 600;

const section = document.getElementById('result');
const [answer, meta, json, announce] = ['answer', 'meta', 'json', 'announce'].map(id => document.getElementById(id));
let timer = null;

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  element.append(...children);
  return element;
}

function bar({ label, share }, chosen) {
  return make('li', { 'data-label': label, ...(label === chosen && { class: 'chosen' }) },
    make('span', { class: 'label' }, label),
    make('progress', { value: share, max: 1, 'aria-label': `probability of ${label}` }),
    make('span', { class: 'share' }, percentText(share)));
}

function bars(view, attributes) {
  if (!view.bars.length) return [];
  const list = make('ol', { class: 'bars', ...attributes }, ...view.bars.map(one => bar(one, view.text)));
  return view.more ? [list, make('p', { class: 'more' }, `and ${numberText(view.more)} labels that are less probable`)] : [list];
}

const unit = view => (view.unit ? [' ', make('span', { class: 'unit' }, view.unit)] : []);

function drawn(views) {
  if (views.length === 1 && !views[0].name) {
    const [view] = views;
    const value = make('output', { id: 'value', 'aria-live': 'off' }, view.text);
    return [make('p', { class: 'value' }, value, ...unit(view)), ...bars(view, { id: 'bars' })];
  }
  if (!views.length) return [];
  return [make('dl', { id: 'values' }, ...views.map(view => make('div', { 'data-output': view.name },
    make('dt', {}, view.name),
    make('dd', {}, make('output', { 'aria-live': 'off' }, view.text), ...unit(view), ...bars(view, {})))))];
}

// Change only what differs, so that bars move and nothing flickers.
function patch(old, fresh) {
  if (old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const [olds, news] = [[...old.childNodes], [...fresh.childNodes]];
  if (olds.length !== news.length) old.replaceChildren(...news);
  else olds.forEach((child, at) => patch(child, news[at]));
}

const share = view => view.bars.find(one => one.label === view.text)?.share;
const inWords = view => [view.name, view.text, view.unit, share(view) !== undefined && percentText(share(view))]
  .filter(Boolean).join(' ');

function say(text) {
  clearTimeout(timer);
  timer = setTimeout(() => { announce.textContent = text; }, REST_MS);
}

function draw({ ok, reply }) {
  if (!ok) {
    if (json.textContent) outdate();
    return;
  }
  const views = viewsOf(reply.text, island.output);
  const fresh = answer.cloneNode(false);
  fresh.append(...drawn(views));
  patch(answer, fresh);
  json.textContent = pretty(new Map(members(reply.text)).get('answer') ?? reply.text);
  const details = json.closest('details');
  details.hidden = false;
  if (!views.length) details.open = true;
  meta.textContent = `model ${reply.version} · ${numberText(reply.ms, 1)} ms`;
  delete section.dataset.stale;
  say(views.length ? `Prediction: ${views.map(inWords).join(', ')}` : 'The answer as JSON has changed');
}

// The number that still stands there belongs to earlier inputs.
function outdate() {
  if (!json.textContent) {
    answer.replaceChildren(make('p', { class: 'empty' }, 'The marked inputs do not fit yet.'));
    return;
  }
  if ('stale' in section.dataset) return;
  section.dataset.stale = '';
  meta.textContent += ' · for the inputs before';
  clearTimeout(timer);
}

export function start() {
  onAnswer(draw);
  onRefused(outdate);
}

let reasons = null;

// Load what draws reasons once somebody asks for them; `isNew` moves the page to the first of them.
function loadReasons(isNew) {
  reasons ??= load('./why.js').then(why => why.start(isNew));
  reasons.catch(() => { reasons = null; });
  return reasons;
}

// Follow the switch "Why?", and links that have it on.
export function startSwitch() {
  const box = document.getElementById('explain');
  const follow = isNew => {
    setExplains(box.checked);
    if (box.checked) loadReasons(isNew).catch(() => { box.checked = false; setExplains(false); });
  };
  box.checked = explains();
  box.addEventListener('change', () => follow(true));
  // An input may be called `addEventListener`: only the prototype is asked.
  EventTarget.prototype.addEventListener.call(document.getElementById('form'), 'reset', () => setTimeout(follow));
  subscribe(() => {
    box.checked = explains();
    if (box.checked) loadReasons(false).catch(() => {});
  });
  if (box.checked) follow(false);
}
