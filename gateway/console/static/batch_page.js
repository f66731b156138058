// The batch page: a chosen file is checked at once, then scored here, or sent by the form itself for a download.
import { check, element, faultTable, showReport, wayOut } from "./check.js";
import { seen, start } from "./live.js";
import { numberText } from "./numbers.js";
import { Summary } from "./summary.js";
import { sizeText, upload } from "./upload.js";

const island = JSON.parse(document.getElementById("route").textContent);
const at = (id) => document.getElementById(id);
const form = at("upload"), file = at("file"), score = at("score"), told = at("told");
let checking = null, cancel = null;

function tell(kind, title, text = "", fix = "", more = []) {
  told.dataset.kind = kind;
  told.replaceChildren(element("strong", {}, title), text && element("p", { class: "why" }, text),
    fix && element("p", { class: "fix" }, fix), ...more);
  told.hidden = false;
}
const quiet = () => { told.hidden = true; };
const announce = (text) => { at("announce").textContent = text; };

function refusal(title, status, body, retryAfter) {
  const faults = body.errors ?? [];
  const wait = retryAfter ? `Try again in ${numberText(Number(retryAfter))} s.` : "";
  const only = faults.length === 1 ? faults[0] : null;
  const text = only ? only.message : body.detail ?? `The gateway answered ${status}.`;
  const place = only && only.row === undefined && only.at !== "$" ? `Where: ${only.at}` : "";
  const more = faults.length > 1 ? [faultTable(`${numberText(body.total_errors ?? faults.length)} faults, rows from 1`, faults)] : [];
  tell("invalid", title, [text, place].filter(Boolean).join(" · "),
    [(only && wayOut(only)) || body.hint, wait].filter(Boolean).join(" "), more);
}

function options() {
  const found = {};
  for (const name of ["_sheet", "_header"]) if (form.elements[name].value.trim()) found[name] = form.elements[name].value.trim();
  return found;
}

function isTooLarge(chosen) {
  const { max_body_size: most } = island.limits;
  if (chosen.size <= most) return false;
  tell("invalid", "The file is too large", `${chosen.name} has ${sizeText(chosen.size)}, the limit is ${sizeText(most)}.`,
    "Send it in parts, as Parquet, or raise server.max_body_size in registry.yaml.");
  return true;
}

async function chosen() {
  const [one] = file.files;
  checking?.abort();
  stop();
  for (const id of ["check", "progress", "summary"]) at(id).hidden = true;
  document.getElementById("refused")?.remove();
  score.disabled = true;
  quiet();
  if (!one) return;
  const tooLarge = isTooLarge(one);
  const { signal } = (checking = new AbortController());
  let found;
  try {
    if (tooLarge && /\.(xlsx|parquet|json)$/i.test(one.name)) return;
    found = await check(form.dataset.check, one, options(), signal);
  } catch {
    if (!signal.aborted) tell("error", "The gateway cannot be reached", "The file could not be checked.", "Choose it again in a moment.");
    return;
  }
  if (signal.aborted) return;
  if (!found.ok) { refusal("This file cannot be read", found.status, found.body); return; }
  showReport(at("check"), found.body);
  announce(at("check").querySelector("h2").textContent);
  score.disabled = tooLarge || found.body.errors.some((fault) => fault.row === undefined);
}

function stop() {
  const count = cancel?.();
  cancel = null;
  return count;
}

function begin() {
  const [one] = file.files;
  stop();
  quiet();
  const data = new FormData();
  for (const [name, value] of Object.entries(options())) data.append(name, value);
  data.append("_on_error", form.elements.on_error.value);
  data.append("file", one, one.name);
  const summary = new Summary(island.output, at("summary"));
  at("summary").hidden = true;
  at("progress").hidden = at("cancel").hidden = false;
  bar("sent", 0, "");
  bar("scored", 0, "");
  const over = () => { cancel = null; at("cancel").hidden = true; };
  cancel = upload(`${form.dataset.url}?_detail=true`, data, {
    sent(share) {
      bar("sent", share, share < 1 ? `${sizeText(share * one.size)} of ${sizeText(one.size)}` : sizeText(one.size));
      if (share === 1) { at("scored").removeAttribute("value"); at("scored-text").textContent = "checking every row"; }
    },
    answering(rows, generation) { summary.total = rows; seen(generation); },
    lines(lines) {
      summary.add(lines);
      bar("scored", summary.rows / (summary.total || summary.rows), `${numberText(summary.rows)} of ${numberText(summary.total)} rows`);
    },
    done(count) { over(); announce(`${numberText(count)} rows scored`); },
    refused(status, body, retryAfter) { over(); at("progress").hidden = true; refusal("The file was not scored", status, body, retryAfter); },
    failed(why, count) {
      over();
      const cut = why === "cut";
      tell("error", cut ? "The answer was cut off" : "The gateway cannot be reached",
        cut ? `${numberText(count)} of ${numberText(summary.total)} rows came.` : "The file did not arrive.", "Score it again.");
    },
  });
}

function bar(id, share, text) {
  at(id).value = share;
  at(`${id}-text`).textContent = text;
}

at("cancel").addEventListener("click", () => {
  const count = stop();
  at("cancel").hidden = true;
  tell("cancelled", "Cancelled", `${numberText(count ?? 0)} rows were scored before. Nothing more is computed for this file.`, "Score it again, or choose another file.");
  score.focus();
});
score.addEventListener("click", begin);
file.addEventListener("change", chosen);
for (const name of ["_sheet", "_header"]) form.elements[name].addEventListener("change", chosen);
form.addEventListener("submit", (event) => { if (file.files[0] && isTooLarge(file.files[0])) event.preventDefault(); });
const drop = form.querySelector(".drop");
drop.querySelector(".drop-hint").hidden = score.hidden = false;
for (const kind of ["dragover", "dragleave", "drop"])
  form.addEventListener(kind, (event) => { event.preventDefault(); form.classList.toggle("over", kind === "dragover"); });
form.addEventListener("drop", (event) => {
  if (!event.dataTransfer.files.length) return;
  file.files = event.dataTransfer.files;
  chosen();
});
// A page that holds a file stays as it is where the inputs of the model have changed.
start({ keep: () => (file.files.length ? false : undefined) });
if (file.files.length) chosen();
