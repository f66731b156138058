// What is passed on: the address with the inputs in its fragment, which no server sees; the link with them in its query;
// the same request in three languages. Loaded at the first change.

import { snippets } from './snippets.js';
import { fragment, island, keep, members, query, restore, subscribe, unknownNames } from './state.js';

const REST_MS = 300;
const SAID_MS = 1500;
// A request line of more than 8,190 bytes is refused.
const MAX_QUERY = 8000;

let timer = null;

function copyBySelection(text) {
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'visually-hidden';
  area.setAttribute('aria-hidden', 'true');
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  return done;
}

async function copyText(text, button, said = 'Copied') {
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    const focused = document.activeElement;
    done = copyBySelection(text);
    focused?.focus();
  }
  button.dataset.label ??= button.textContent;
  button.textContent = done ? said : 'Not allowed here: select and copy';
  clearTimeout(Number(button.dataset.timer));
  button.dataset.timer = setTimeout(() => { button.textContent = button.dataset.label; }, SAID_MS);
}

export function copy(button) {
  const language = button.dataset.copy;
  if (language) return copyText(document.querySelector(`#same-request [data-language="${language}"]`).textContent, button);
  const link = `${island.page}?${query()}`;
  if (link.length <= MAX_QUERY) return copyText(location.origin + link, button);
  return copyText(`${location.origin}${island.page}#${fragment()}`, button, 'Copied: long, so it needs JavaScript');
}

function writeSnippets() {
  const texts = snippets(location.origin + island.url, members(), island.has_keys);
  for (const block of document.querySelectorAll('#same-request [data-language]')) {
    block.textContent = texts[block.dataset.language];
  }
}

function write() {
  writeSnippets();
  clearTimeout(timer);
  timer = setTimeout(keep, REST_MS);
}

// A fragment without any field (`#main` of the skip link) is a place of the page.
const isPlace = text => !text || (!text.includes('=') && document.getElementById(text) !== null);

function tellStrangers() {
  const names = unknownNames();
  let note = document.getElementById('strangers');
  if (!note && names.length) {
    note = document.createElement('p');
    note.id = 'strangers';
    note.className = 'ignored';
    Element.prototype.prepend.call(document.getElementById('form'), note);
  }
  if (!note) return;
  note.hidden = names.length === 0;
  note.textContent = `Not used, because no input has this name: ${names.join(', ')}`;
}

// Take the inputs of the address; a place of the page gives way to them.
function take() {
  const text = location.hash.slice(1);
  if (isPlace(text)) {
    keep();
    return;
  }
  restore(text);
  tellStrangers();
}

export function start() {
  if (location.hash.length > 1) take();
  subscribe(write);
  write();
  window.addEventListener('hashchange', take);
}
