// Asks POST <route>/check about a file, and shows what it says: columns, rows, faults, first rows.
import { fetchWithKey } from "./key.js";
import { numberText } from "./numbers.js";

// Of a CSV of any size the beginning is sent: with the form around it, 256 KiB at most.
const HEAD_BYTES = 256 * 1024 - 2048;
const LINE_END = 10;
const WORDS = {
  exact: "matches", alias: "matches another name of", near: "nearly", missing: "missing: add a column of this name",
  optional: "not in the file, and not needed", position: "by its position",
};

/** Return the part of a file that is checked, and whether it is its beginning only. */
export async function partOf(file) {
  if (file.size <= HEAD_BYTES) return [file, false];
  const first = String.fromCharCode(...new Uint8Array(await file.slice(0, 4).arrayBuffer()));
  const isWhole = ["PK\u0003\u0004", "PAR1", "\u00d0\u00cf\u0011\u00e0"].some((magic) => first.startsWith(magic));
  if (isWhole || /\.(xlsx|parquet|json)$/i.test(file.name)) return [file, false];
  const bytes = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  return [file.slice(0, bytes.lastIndexOf(LINE_END) + 1 || HEAD_BYTES, file.type), true];
}

/** Return the report about a file, or the refusal of it. */
export async function check(url, file, options, signal) {
  const [part, isHead] = await partOf(file);
  const form = new FormData();
  for (const [name, value] of Object.entries(options)) form.append(name, value);
  if (isHead) form.append("_head", "true");
  form.append("file", part, file.name);
  const answer = await fetchWithKey(url, { method: "POST", body: form, headers: { Accept: "application/json" }, signal });
  // A proxy may answer in its own words.
  const body = await answer.json().catch(() => null);
  return { ok: answer.ok && body !== null, status: answer.status, body, retryAfter: answer.headers.get("Retry-After") };
}

/** Say whether the browser still reads a file: it reads none that changed on the disk since it was chosen. */
export const isReadable = (file) => file.slice(0, 1).arrayBuffer().then(() => true, () => false);

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((one) => one !== null && one !== undefined));
  return made;
}

export function cellText(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function table(caption, columns, rows, figures = 1) {
  const head = columns.map((name, at) => element("th", { scope: "col", ...(at < figures && { class: "figure" }) }, name));
  const body = rows.map((row) => element("tr", {},
    ...row.map((value, at) => element("td", at < figures ? { class: "figure" } : {}, cellText(value)))));
  const drawn = element("table", {}, element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body));
  return element("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": caption }, drawn);
}

/** Return how a fault is mended: its hint, else what was expected. */
export function wayOut(fault) {
  if (fault.hint) return fault.hint;
  if (fault.code === "required" && fault.row === undefined) return "add a column of this name";
  return fault.expected === undefined ? "" : `expected: ${[fault.expected].flat().join(", ")}`;
}

export const faultTable = (caption, faults) => table(caption, ["Row", "Column", "What is wrong", "How to fix it"],
  faults.map((fault) => [
    fault.row === undefined ? "—" : numberText(fault.row + 1), fault.field ?? fault.at.replace(/^\$/, ""),
    fault.message, wayOut(fault),
  ]));

/** Say how many of all things a table shows. */
export function ofAll(shown, all, word) {
  const words = all === 1 ? word : `${word}s`;
  return shown < all ? `The first ${numberText(shown)} of ${numberText(all)} ${words}` : `${numberText(all)} ${words}`;
}

function verdict(report) {
  const rows = `${report.complete ? "" : "At least "}${numberText(report.rows)} ${report.rows === 1 ? "row" : "rows"}`;
  if (report.ok) return `${rows}, every one of them can be scored`;
  const header = report.errors.some((fault) => fault.row === undefined);
  if (header) return "The columns do not fit, so no row can be scored";
  return `${rows}, ${numberText(report.bad_rows)} of them ${report.bad_rows === 1 ? "is" : "are"} wrong`;
}

function columnList(report) {
  const items = report.columns.map((one) => {
    const name = one.column && one.column !== one.field ? element("code", {}, one.column) : null;
    return element("li", { "data-match": one.match, "data-field": one.field }, element("code", {}, one.field), " ",
      element("span", {}, name ? "← " : "", name, name ? " " : "", name && one.match !== "near" ? "" : WORDS[one.match],
        one.match === "near" ? " the name: give the column the name of the field" : ""));
  });
  for (const name of report.extra.slice(0, 20))
    items.push(element("li", { "data-match": "extra" }, element("code", {}, name || "(no name)"), " ",
      element("span", {}, "extra: not used, and returned as it is")));
  const more = report.extra_total - Math.min(report.extra.length, 20);
  if (more > 0) items.push(element("li", { "data-match": "extra" }, `and ${numberText(more)} further extra columns`));
  return element("ul", { class: "matches" }, ...items);
}

/** Draw a report. */
export function showReport(section, report) {
  const head = element("h2", { "data-ok": report.ok }, verdict(report));
  const parts = [head, columnList(report)];
  if (report.kinds.length)
    parts.push(table("Faults by kind", ["Times", "Column", "For example"],
      report.kinds.slice(0, 20).map((kind) => [numberText(kind.count), kind.column ?? "—", kind.example?.message ?? kind.code])),
    faultTable(`${ofAll(report.errors.length, report.total_errors, "fault")}; rows count from 1`, report.errors));
  if (report.first_rows.rows.length)
    parts.push(table("First rows, as read", report.first_rows.columns, report.first_rows.rows, 0));
  section.replaceChildren(...parts);
  section.hidden = false;
}
