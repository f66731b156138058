// Ask for the figures of all routes every five seconds while somebody looks, and sooner where nobody answers.

const BEAT_MS = 5000, PATIENCE_MS = 10000;
const RETRY_MS = [1000, 2000, 5000];

// Call `onFigures` with figures that changed, `onLost` with each failure in a row, `onFound` when an answer came again.
export function watchFigures(url, { onFigures, onLost, onFound }) {
  let timer = null, tag = null, lost = 0, underWay = false;

  async function ask() {
    if (underWay || document.hidden) return;
    underWay = true;
    clearTimeout(timer);
    try {
      const response = await fetch(url, { cache: "no-cache", signal: AbortSignal.timeout(PATIENCE_MS) });
      if (!response.ok) throw new Error(`status ${response.status}`);
      const found = response.headers.get("ETag");
      if (found === null || found !== tag) await onFigures(await response.json());
      tag = found;
      if (lost) onFound();
      lost = 0;
    } catch {
      tag = null;
      onLost(lost);
      lost += 1;
    } finally {
      underWay = false;
    }
    if (!document.hidden) timer = setTimeout(ask, lost ? RETRY_MS[Math.min(lost, RETRY_MS.length) - 1] : BEAT_MS);
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : ask()));
  ask();
}
