// What the batch page says of a file: above the check, with a table where it has several faults; and how far it is.
import { element, faultTable, wayOut } from "./check.js";
import { numberText } from "./numbers.js";

const at = (id) => document.getElementById(id);

/** Say what happened to the file, why, and the way out. */
export function tell(kind, title, text = "", fix = "", more = []) {
  const told = at("told");
  told.dataset.kind = kind;
  told.replaceChildren(element("strong", {}, title), text && element("p", { class: "why" }, text),
    fix && element("p", { class: "fix" }, fix), ...more);
  told.hidden = false;
  told.scrollIntoView({ block: "nearest" });
}

export const quiet = () => { at("told").hidden = true; };
export const announce = (text) => { at("announce").textContent = text; };

/** Say why an answer refuses the file, fault by fault. */
export function tellRefusal(title, status, body) {
  const faults = body?.errors ?? [];
  const only = faults.length === 1 ? faults[0] : null;
  const text = only ? only.message : body?.detail ?? `The gateway answered ${status}.`;
  const place = only && only.row === undefined && only.at !== "$" ? `Where: ${only.at}` : "";
  const more = faults.length > 1 ? [faultTable(`${numberText(body.total_errors ?? faults.length)} faults, rows from 1`, faults)] : [];
  tell("invalid", title, [text, place].filter(Boolean).join(" · "),
    (only && wayOut(only)) || body?.hint || (status >= 500 ? "Try it again in a moment." : ""), more);
}

/** Draw how far a file is. */
export function bar(id, share, text) {
  at(id).value = share;
  at(`${id}-text`).textContent = text;
}
