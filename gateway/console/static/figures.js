// Ask for the figures of all routes every five seconds while somebody looks, and sooner where nobody answers.

import { fetchWithKey } from "./key.js";
import { cancel, countDown, isPlanned, succeeded } from "./retry.js";
import { clear } from "./states.js";

const BEAT_MS = 5000, PATIENCE_MS = 10000;

// Call `onFigures` with figures that changed; a gateway that does not answer is told, and asked again.
export function watchFigures(url, onFigures) {
  let timer = null, tag = null, underWay = false;

  async function ask() {
    if (underWay || document.hidden) return;
    underWay = true;
    clearTimeout(timer);
    cancel();
    try {
      const response = await fetchWithKey(url, { cache: "no-cache", signal: AbortSignal.timeout(PATIENCE_MS) });
      if (!response.ok) throw new Error(`status ${response.status}`);
      const found = response.headers.get("ETag");
      if (found === null || found !== tag) await onFigures(await response.json());
      tag = found;
      succeeded();
      clear("unreachable");
    } catch {
      tag = null;
      countDown("unreachable", {}, ask);
    } finally {
      underWay = false;
    }
    if (!document.hidden && !isPlanned()) timer = setTimeout(ask, BEAT_MS);
    document.body.dataset.watched = "yes";
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : ask()));
  ask();
}
