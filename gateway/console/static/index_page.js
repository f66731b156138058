// Keep the index page true while it is open, and search it while a person types.

import { watchFigures } from "./figures.js";
import { describe, found, makeCard, showFigures, slot, summary, utcText, write } from "./index.js";
import { fetchWithKey } from "./key.js";
import { numberText } from "./numbers.js";

const TYPING_MS = 150;
const place = (id) => document.getElementById(id);
const { prefix, figures: source } = document.body.dataset; // no source where /health is on another listener
const list = place("routes"), form = place("search"), pages = place("pages");
const size = Number(list.dataset.pageCards);
let figures = {}, data = null, number = Number(list.dataset.number), since = "";

// Fetch names, descriptions and the last reload: they change with a generation, a reload or a failure only.
async function fetchData() {
  const response = await fetchWithKey(`${prefix}/console`, { headers: { Accept: "application/json" }, cache: "no-cache" });
  if (!response.ok) throw new Error(`status ${response.status}`);
  data = await response.json();
}

function wanted() {
  return { search: form.elements.q.value.trim(), sort: form.elements.sort.value };
}

function link(page) {
  const { search, sort } = wanted();
  const shown = Object.entries({ q: search, sort, page: page > 1 ? page : "" }).filter(([, value]) => value);
  return shown.length ? `?${new URLSearchParams(shown)}` : location.pathname;
}

// Draw the cards of the page that is wanted; cards that are there already stay where they are.
function draw() {
  const { search, sort } = wanted();
  const hits = found(data.routes, figures, search, sort);
  const last = Math.max(1, Math.ceil(hits.length / size));
  number = Math.min(number, last);
  const shown = hits.slice((number - 1) * size, number * size);
  const known = new Map([...list.children].map((card) => [card.dataset.name, card]));
  const cards = shown.map((route) => known.get(route.name) ?? makeCard(place("card"), route, prefix));
  cards.forEach((card, at) => describe(card, shown[at]));
  if (cards.length !== list.children.length || cards.some((card, at) => card !== list.children[at]))
    list.replaceChildren(...cards);
  pages.hidden = last === 1;
  write(slot(pages, "number"), `page ${numberText(number)} of ${numberText(last)}`);
  for (const [name, other] of [["previous", number - 1], ["next", number + 1]]) {
    slot(pages, name).hidden = other < 1 || other > last;
    slot(pages, name).href = link(other);
  }
  for (const id of ["search", "summary"]) place(id).hidden = !data.routes.length;
  place("none").hidden = data.routes.length > 0;
  write(place("summary"), summary(figures, hits.length, search));
}

function showAll() {
  for (const card of list.children) {
    const own = figures[card.dataset.name];
    if (own) showFigures(card, own);
  }
  if (!wanted().search) write(place("summary"), summary(figures, 0, ""));
}

function showReload() {
  const { result, at, faults, reason } = data.reload, box = place("reload");
  box.hidden = result !== "refused";
  write(slot(box, "title"), `The last reload was refused: ${numberText(faults)} fault${faults === 1 ? "" : "s"}`);
  write(slot(box, "reason"), reason ?? "");
  write(place("reloaded"), result ? `last reload ${utcText(at)}: ${result}` : "");
  document.body.dataset.generation = data.generation;
  write(place("generation"), data.generation.slice(0, 12));
}

async function onFigures(told) {
  figures = told.routes;
  // What the cards say besides figures is read anew only when one of these differs.
  const failed = Object.entries(figures).filter(([, one]) => one.state === "FAILED").map(([name]) => name);
  const now = JSON.stringify([told.generation, told.reload, failed]);
  if (now !== since) {
    await fetchData();
    draw();
    showReload();
    since = now;
  }
  showAll();
}

async function search() {
  try {
    if (!data) await fetchData();
  } catch {
    form.submit(); // the server searches as well
    return;
  }
  number = 1;
  draw();
  showAll();
  history.replaceState(null, "", link(1));
}

let timer = null;
// Without figures there is nothing to keep true, and the server searches.
if (source) {
  form.elements.q.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, TYPING_MS);
  });
  form.elements.sort.addEventListener("change", search);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    search();
  });
  watchFigures(source, onFigures);
}
