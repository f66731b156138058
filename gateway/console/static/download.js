// Saves the answer to a form that needs a key: a form alone cannot send one.

import { fetchWithKey, key } from "./key.js";

// Take a submit over where there is a key; `refused(status, body, retryAfter)` hears why nothing was saved.
export async function download(event, form, name, refused) {
  if (!key()) return;
  event.preventDefault();
  const body = new FormData(form, event.submitter);
  let answer;
  try {
    answer = await fetchWithKey(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
  } catch {
    refused(0, { detail: "The gateway did not answer." }, null);
    return;
  }
  if (!answer.ok || !answer.headers.has("Content-Disposition")) {
    let told = {};
    try { told = await answer.json(); } catch { /* a page, or words of a proxy */ }
    refused(answer.status, told, answer.headers.get("Retry-After"));
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"))?.[1] ?? `${name}.answers`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
