// Fetches the page that was asked for, with the key of this tab; asks for a key where there is none that counts.

import { fetchWithKey, forget, keep, key } from "./key.js";

const ACCEPT = "text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8";
const at = (id) => document.getElementById(id);

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function askForKey(reason = "", fix = "") {
  at("opening").hidden = at("own").hidden = true;
  at("unlock").hidden = false;
  const place = at("refused");
  place.hidden = !reason;
  place.replaceChildren(reason, ...(fix ? [document.createElement("br"), fix] : []));
  at("key").setAttribute("aria-invalid", String(Boolean(reason)));
  at("key").focus();
}

function cardOf(route) {
  const card = at("own-card").content.firstElementChild.cloneNode(true);
  const slot = (name) => card.querySelector(`[data-slot="${name}"]`);
  slot("path").textContent = route.path;
  slot("path").href = route.page;
  slot("description").textContent = route.description ?? "";
  slot("description").hidden = !route.description;
  for (const link of card.querySelectorAll("[data-page]")) {
    link.href = route.page + link.dataset.page;
    link.querySelector('[data-slot="of"]').textContent = ` ${route.path}`;
  }
  return card;
}

// Show what the key does open, where it does not open this page.
function showOwn({ detail, routes, total_routes: total = routes.length }) {
  at("opening").hidden = at("unlock").hidden = true;
  at("own").hidden = false;
  document.title = "Models of your key";
  const isHome = location.pathname === new URL(document.body.dataset.home, location).pathname;
  at("own-note").hidden = !isHome;
  at("own-refused").hidden = isHome;
  at("own-refused").textContent = isHome ? "" : `${sentence(detail)}. It opens these, and another key may open more:`;
  at("own-routes").replaceChildren(...routes.map(cardOf));
  at("own-more").hidden = total === routes.length;
  at("main").focus();
  at("own-more").textContent = `and ${(total - routes.length).toLocaleString("en")} more`;
}

// Tell an answer that is no page: JSON in lines, all others as they are.
function showText(text, kind) {
  const shown = document.createElement("pre");
  let told = text;
  if (kind.includes("json")) {
    try { told = JSON.stringify(JSON.parse(text), null, 2); } catch { /* as it came */ }
  }
  shown.textContent = told;
  shown.className = "document";
  shown.tabIndex = 0;
  at("main").replaceChildren(shown);
}

// Put a page in the place of this one, bound by its own policy, and begin its scripts.
async function showPage(html, policy) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const scripts = [...page.querySelectorAll('script[type="module"][src]')].map((script) => script.getAttribute("src"));
  const style = document.head.querySelector('link[rel="stylesheet"]');
  const kept = [...page.head.children].map((one) => (one.matches('link[rel="stylesheet"]') && one.getAttribute("href") === style.getAttribute("href") ? style : one));
  document.head.replaceChildren(...kept);
  document.body.replaceWith(page.body);
  const bound = document.createElement("meta");
  bound.httpEquiv = "Content-Security-Policy";
  bound.content = policy.split(";").filter((one) => !one.includes("frame-ancestors")).join(";"); // only a header may say that
  document.head.append(bound);
  at("forget-key")?.addEventListener("click", () => { forget(); location.reload(); });
  if (location.hash) document.querySelector(`[id="${CSS.escape(decodeURIComponent(location.hash.slice(1)))}"]`)?.scrollIntoView();
  for (const script of scripts) await import(script);
}

async function open() {
  at("opening").hidden = false;
  let answer;
  try {
    answer = await fetchWithKey(location.href, { headers: { Accept: ACCEPT }, cache: "no-store" });
  } catch {
    askForKey("The gateway does not answer.", "Try again in a moment.");
    return;
  }
  const [text, kind] = [await answer.text(), answer.headers.get("Content-Type") ?? ""];
  if (answer.status === 401 || answer.status === 403) {
    let told = {};
    try { told = JSON.parse(text); } catch { /* a proxy may answer in its own words */ }
    if (answer.status === 401) forget();
    if (told.routes?.[0]?.page) showOwn(told);
    else askForKey(`${sentence(told.detail ?? "the key was refused")}.`, sentence(told.hint ?? ""));
  } else if (kind.startsWith("text/html")) await showPage(text, answer.headers.get("Content-Security-Policy") ?? "");
  else showText(text, kind);
}

at("unlock").addEventListener("submit", (event) => {
  event.preventDefault();
  const given = at("key").value.trim();
  if (!given) return;
  if (!/^[\x21-\x7e]{1,8000}$/.test(given)) { // what no header field can hold would be refused again and again
    askForKey("This is no key.", "A key is one word, without blanks; copy it as it was printed.");
    return;
  }
  keep(given);
  at("key").value = "";
  open();
});
at("another-key").addEventListener("click", () => {
  forget();
  askForKey();
});
if (key()) open();
else askForKey();
