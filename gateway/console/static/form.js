// The form: controls and store follow each other; faults stand at their fields.

import { members as membersOf, plain } from './answers.js';
import { textOf } from './checks.js';
import { Control } from './controls.js';
import { again, onAnswer, onRefused } from './predict.js';
import { faults, fieldOf, setTexts, subscribe } from './state.js';

const form = document.getElementById('form');
const controls = new Map();
// Fields that hold something a person or a link has put there: only these are told that they are required.
const touched = new Set();

function markLocal(names) {
  const found = faults();
  for (const name of names) controls.get(name).mark(touched.has(name) ? found[name] ?? '' : '');
}

const inWords = fault => [fault.message, fault.hint].filter(Boolean).join(' – ');

// Faults that the server found; those of no field are told by the state of the page.
function markReply({ ok, reply }) {
  if (!ok && !reply.faults.length) return;
  const found = new Map();
  for (const fault of reply.faults) found.set(fault.field, [...(found.get(fault.field) ?? []), inWords(fault)]);
  controls.forEach((control, name) => control.mark(found.get(name)?.join('; ') ?? ''));
}

function readAll(how) {
  setTexts([...controls.values()].map(control => [control.name, control.text()]), how);
  controls.forEach(control => control.link());
}

function fill(text) {
  const texts = membersOf(text).filter(([name]) => controls.has(name)).map(([name, token]) => {
    const field = fieldOf(name);
    if (token === 'null') return [name, null];
    return [name, field.levels ? textOf(field, JSON.parse(token)) : plain(token)];
  });
  texts.forEach(([name]) => touched.add(name));
  setTexts(texts);
}

function submit(event) {
  event.preventDefault();
  controls.forEach((_, name) => touched.add(name));
  const found = Object.keys(faults());
  markLocal(controls.keys());
  if (found.length) controls.get(found[0]).box.focus();
  again();
}

// Take what the page was served with; `restored` names the fields that a fragment then sets.
export function start() {
  for (const element of form.querySelectorAll('.field')) {
    controls.set(element.dataset.field, new Control(element));
  }
  readAll('served');
  subscribe((names, how) => {
    if (how === 'set') names.forEach(name => touched.add(name));
    if (how === 'set') names.forEach(name => controls.get(name).write());
    markLocal(names);
  });
  form.addEventListener('input', event => {
    const field = event.target.closest('.field');
    if (field) touched.add(field.dataset.field);
  }, { capture: true });
  form.addEventListener('submit', submit);
  form.addEventListener('reset', () => setTimeout(() => {
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
  onAnswer(markReply);
  onRefused(() => markLocal(controls.keys()));
}
