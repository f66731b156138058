// The try page: controls and store follow each other, faults stand at their fields, and what the form holds is predicted
// while it changes.

import { members as membersOf } from './answers.js';
import { faultsByField, load, onGeneration } from './api.js';
import { textOfToken } from './checks.js';
import { Control } from './controls.js';
import * as predict from './predict.js';
import * as result from './result.js';
import { entryOf, faults, fieldOf, island, keep, setTexts, subscribe, unfit } from './state.js';
import * as whatif from './whatif.js';

const WATCH_MS = 3000, LONG_MS = 1000;

// An input may be called `querySelectorAll`, and then is what the form has under that name: only the prototype is asked.
const form = document.getElementById('form');
const listen = (...given) => EventTarget.prototype.addEventListener.call(form, ...given);
const controls = new Map();
// Fields that a person or a link has filled: only these are told that they are required.
const touched = new Set();

function markLocal(names) {
  for (const name of names) controls.get(name).mark(touched.has(name) ? entryOf(name).fault : '');
}

// Faults that the server found; those of no field are told by the state of the page.
function markReply({ ok, reply }) {
  if (!ok && !reply.faults.length) return;
  const found = faultsByField(reply);
  controls.forEach((control, name) => control.mark(found.get(name) ?? ''));
}

function readAll(how) {
  setTexts([...controls.values()].map(control => [control.name, control.text()]), how);
  controls.forEach(control => control.link());
}

function fill(text) {
  const texts = membersOf(text).filter(([name]) => controls.has(name)).map(([name, token]) => [name, textOfToken(fieldOf(name), token)]);
  texts.forEach(([name]) => touched.add(name));
  setTexts(texts);
}

function submit(event) {
  event.preventDefault();
  controls.forEach((_, name) => touched.add(name));
  const found = Object.keys(faults());
  markLocal(controls.keys());
  if (found.length) controls.get(found[0]).box.focus();
  predict.again();
}

// Take what the page was served with, then follow it.
function startForm() {
  for (const element of document.querySelectorAll('#form .field')) {
    controls.set(element.dataset.field, new Control(element));
  }
  readAll('served');
  subscribe((names, how) => {
    if (how === 'set') names.forEach(name => { touched.add(name); controls.get(name).write(); });
    markLocal(names);
  });
  listen('input', event => {
    const field = event.target.closest('.field');
    if (field) touched.add(field.dataset.field);
  }, { capture: true });
  listen('submit', submit);
  listen('reset', () => setTimeout(() => {
    touched.clear();
    controls.forEach(control => control.mark(''));
    readAll('slide');
  }));
  for (const button of document.querySelectorAll('[data-example]')) {
    button.addEventListener('click', event => {
      event.preventDefault();
      fill(button.dataset.example);
    });
  }
  predict.onAnswer(markReply);
  predict.onRefused(() => markLocal(controls.keys()));
}

let sharing = null;

// Load what passes inputs on once there is something to pass on.
function share() {
  sharing ??= load('./share.js').then(module => { module.start(); return module; });
  sharing.catch(() => { sharing = null; });
  return sharing;
}

async function start() {
  startForm();
  result.start();
  if (location.hash.length > 1) await share().catch(() => {});
  else subscribe(() => share().catch(() => {}));
  window.addEventListener('hashchange', () => share().catch(() => {}));
  for (const button of document.querySelectorAll('#copy-link, [data-copy]')) {
    button.hidden = false;
    button.addEventListener('click', () => share().then(module => module.copy(button)));
  }
  if (island.explainable) result.startSwitch();
  predict.start();
  whatif.start();
  // Only where a plot is; without it the drawing of the server stays.
  if (island.plot) load('./plot.js').then(module => module.start(), () => {});
}

// Load what watches the gateway while it is there: once the page is at rest, sooner where something happens.
let watching = null;

function watch() {
  watching ??= load('./live.js').then(live => {
    onGeneration(live.seen);
    predict.onStart(live.waiting);
    predict.onResult(({ reply }) => live.settle(reply, predict.again));
    live.start({ again: predict.again, keep, unfit });
    const last = predict.lastResult();
    if (predict.busy()) live.waiting();
    else if (last && !last.ok) live.settle(last.reply, predict.again);
    return live;
  }).catch(() => { watching = null; tellAway(); }); // the next change, or a later look, tries again
  return watching;
}

// What has words for this comes from the gateway too: these came with the page.
function tellAway() {
  const place = document.getElementById('state');
  place.replaceChildren(document.getElementById('away').content.cloneNode(true));
  place.dataset.kind = 'unreachable';
  place.hidden = false;
}

async function begin() {
  onGeneration(generation => { if (generation !== document.body.dataset.generation) watch(); });
  predict.onStart(() => {
    const late = setTimeout(watch, LONG_MS);
    return () => clearTimeout(late);
  });
  predict.onResult(({ ok }) => { if (!ok) watch(); });
  predict.onRefused(found => watch().then(live => live?.refuse(found)));
  if (form) await start();
  subscribe(watch);
  setInterval(watch, WATCH_MS);
  // Loaded anew by its own script, or served with a state.
  if (sessionStorage.getItem('gateway-page-loaded-anew') || !document.getElementById('state').hidden) watch();
}

begin();
