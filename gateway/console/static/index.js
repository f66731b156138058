// Cards of the index page: searched, sorted and written as gateway/console/index.py does.

import { numberText, percentText } from "./numbers.js";

const STATES = ["FAILED", "LOADING", "IDLE", "READY"];
const NOTHING = { state: "IDLE", version: "", requests: 0, error_rate: 0, p95_ms: null };

// Kind of executor -> where the model runs, as gateway/console/server_rows.py says it.
const PLACES = {
  process: "in a process of its own",
  upstream: "on another server",
  h2o_server: "on an H2O server",
  ray: "on a Ray cluster",
};

// Value of the order -> key of a route and its figures.
const KEYS = {
  "": () => 0,
  path: (route) => route.path,
  state: (_, figures) => STATES.indexOf(figures.state),
  requests: (_, figures) => -figures.requests,
  p95: (_, figures) => -(figures.p95_ms ?? 0),
  errors: (_, figures) => -figures.error_rate,
};

const textOf = (route, figures) =>
  `${route.name} ${route.path} ${route.description} ${figures.state}`.toLowerCase();

// Return the routes that a search finds, in their order.
export function found(routes, figures, search, sort) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const pairs = routes.map((route) => [route, figures[route.name] ?? NOTHING]);
  const hits = pairs.filter(([route, own]) => words.every((word) => textOf(route, own).includes(word)));
  const key = KEYS[sort] ?? KEYS[""];
  const keyed = hits.map(([route, own]) => [key(route, own), route]);
  return keyed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, route]) => route);
}

// Return how many models there are in which state, or how many of them were found.
export function summary(figures, hits, search) {
  const states = Object.values(figures).map((one) => one.state);
  const total = `${numberText(states.length)} model${states.length === 1 ? "" : "s"}`;
  if (search) return `${numberText(hits)} of ${total}`;
  const count = (state) => states.filter((one) => one === state).length;
  const counts = STATES.toReversed().filter(count).map((state) => `${numberText(count(state))} ${state.toLowerCase()}`);
  return [total, ...counts].join(" · ");
}

// Return a Unix time as the server writes it.
export const utcText = (at) => `${new Date(at * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;

export const slot = (place, name) => place.querySelector(`[data-slot="${name}"]`);

// Write a text where it differs, so that nothing is painted or told anew without need.
export function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

// Return a new card; `prefix` begins every URL.
export function makeCard(template, route, prefix) {
  const card = template.content.firstElementChild.cloneNode(true);
  card.dataset.name = route.name;
  const page = `${prefix}/console/${route.name}`;
  slot(card, "path").href = page;
  for (const link of card.querySelectorAll("[data-page]"))
    link.href = link.dataset.page ? `${page}/${link.dataset.page}` : page;
  return card;
}

// Write what is known of a route into its card.
export function describe(card, route) {
  write(slot(card, "path"), route.path);
  for (const place of card.querySelectorAll('[data-slot="of"]')) write(place, ` ${route.path}`);
  for (const name of ["description", "problem"]) {
    write(slot(card, name), route[name]);
    slot(card, name).hidden = !route[name];
  }
}

// Return where a model runs and what is wrong there; nothing where it runs in the workers.
export function executorText(executor) {
  if (!executor) return "";
  const { kind, state, instances, ready, breaker = "closed", restarts = 0 } = executor;
  const many = `${ready ? "" : `${state}, `}${numberText(ready)} of ${numberText(instances)} ready`;
  const said = [instances > 1 ? many : state];
  if (breaker !== "closed") said.push(`breaker ${breaker}`);
  if (restarts) said.push(`${numberText(restarts)} restart${restarts === 1 ? "" : "s"}`);
  return `runs ${PLACES[kind] ?? kind}: ${said.join(", ")}`;
}

// Say whether somebody should look after the servers of a model.
export const isTroubled = (executor) =>
  Boolean(executor) && (executor.state !== "ready" || (executor.breaker ?? "closed") !== "closed");

// Write the figures of a route into its card.
export function showFigures(card, figures) {
  const state = slot(card, "state");
  state.dataset.state = figures.state;
  write(state, figures.state.toLowerCase());
  const executor = executorText(figures.executor);
  write(slot(card, "executor"), executor);
  slot(card, "executor").hidden = !executor;
  slot(card, "executor").toggleAttribute("data-trouble", isTroubled(figures.executor));
  write(slot(card, "version"), figures.version);
  write(slot(card, "requests"), numberText(figures.requests));
  write(slot(card, "p95"), figures.p95_ms === null ? numberText(null) : `${numberText(figures.p95_ms)} ms`);
  write(slot(card, "errors"), figures.requests ? percentText(figures.error_rate) : numberText(null));
}
