// The batch page: a chosen file is checked at once, then scored here, or sent by the form itself for a download.
import { download } from "./download.js";
import { check, isReadable, showReport } from "./check.js";
import { seen, settle, start } from "./live.js";
import { numberText } from "./numbers.js";
import { kindOf } from "./states.js";
import { Summary } from "./summary.js";
import { announce, bar, quiet, tell, tellRefusal } from "./told.js";
import { sizeText, upload } from "./upload.js";

const island = JSON.parse(document.getElementById("route").textContent);
const at = (id) => document.getElementById(id);
const form = at("upload"), file = at("file"), score = at("score");
// States that pass by themselves: told like those of every page, and the work is begun again.
const PASSING = ["overloaded", "loading", "failed", "gone"];
let checking = null, cancel = null, isLost = false;

function refusal(title, status, body, retryAfter, again) {
  const reply = { ok: false, status, body, retryAfter: Number(retryAfter) || null, failure: null };
  if (PASSING.includes(kindOf(reply))) { settle(reply, again); return; }
  tellRefusal(title, status, body);
}

function options() {
  const found = {};
  for (const name of ["_sheet", "_header"]) if (form.elements[name].value.trim()) found[name] = form.elements[name].value.trim();
  return found;
}

function isTooLarge(chosen) {
  const { max_body_size: most } = island.limits;
  if (chosen.size <= most) return false;
  // Just above the limit both have the same text in MiB.
  const text = sizeText(chosen.size) === sizeText(most) ? (size) => `${numberText(size)} bytes` : sizeText;
  tell("invalid", "The file is too large", `${chosen.name} has ${text(chosen.size)}, the limit is ${text(most)}.`,
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
  settle({ ok: true }, resume);
  const tooLarge = isTooLarge(one);
  const { signal } = (checking = new AbortController());
  let found;
  try {
    if (tooLarge && /\.(xlsx|parquet|json)$/i.test(one.name)) return;
    found = await check(form.dataset.check, one, options(), signal);
  } catch {
    if (!signal.aborted) await lost(one);
    return;
  }
  if (signal.aborted) return;
  if (kindOf({ ...found, failure: null }) === "unreachable") { await lost(one); return; }
  if (!found.ok) { refusal("This file cannot be read", found.status, found.body, found.retryAfter, chosen); return; }
  isLost = false;
  showReport(at("check"), found.body);
  announce(at("check").querySelector("h2").textContent);
  score.disabled = tooLarge || found.body.errors.some((fault) => fault.row === undefined);
}

// A check without an answer is made again once somebody answers; once only, for a proxy may refuse just this file.
async function lost(one) {
  if (!(await isReadable(one))) changed(one);
  else if (isLost) tell("error", "The file could not be checked", "The gateway gave no answer to it, twice.", "Choose it again, or a smaller one.");
  else settle({ ok: false, status: 0, failure: "unreachable" }, resume);
  isLost = true;
}
const resume = () => { if (isLost && at("told").hidden) chosen(); };
const changed = (one) => tell("error", "The file has changed", `${one.name} is no longer as it was chosen.`, "Choose it again.");

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
  at("progress").scrollIntoView({ block: "nearest" });
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
    done(count) { over(); settle({ ok: true }, resume); announce(`${numberText(count)} rows scored`); },
    refused(status, body, retryAfter) { over(); at("progress").hidden = true; refusal("The file was not scored", status, body, retryAfter, begin); },
    async failed(why, count) {
      over();
      if (!(await isReadable(one))) { changed(one); return; }
      const cut = why === "cut";
      tell("error", cut ? "The answer was cut off" : "The gateway did not answer",
        cut ? `${numberText(count)} of ${numberText(summary.total)} rows came.` : "The file did not arrive.", "Score it again.");
    },
  });
}

at("cancel").addEventListener("click", () => {
  const count = stop();
  at("cancel").hidden = true;
  tell("cancelled", "Cancelled", `${numberText(count ?? 0)} rows were scored before. Nothing more is computed for this file.`, "Score it again, or choose another file.");
  score.focus();
});
score.addEventListener("click", begin);
// A browser tells of no change where the same file is chosen again: so it is let go before.
file.addEventListener("click", () => { file.value = ""; });
for (const kind of ["change", "cancel"]) file.addEventListener(kind, () => { isLost = false; chosen(); });
for (const name of ["_sheet", "_header"]) form.elements[name].addEventListener("change", chosen);
form.addEventListener("submit", (event) => {
  if (file.files[0] && isTooLarge(file.files[0])) event.preventDefault();
  else download(event, form, file.files[0]?.name, (status, body, retryAfter) => refusal("The file was not scored", status, body, retryAfter, () => {}));
});
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
start({ again: resume, keep: () => (file.files.length ? false : undefined) });
if (file.files.length) chosen();
