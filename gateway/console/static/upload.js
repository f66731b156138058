// Sends a file to the route and reads the answer while it comes: XHR, because fetch tells no progress of what is sent.

import { headers } from "./key.js";

// Characters that are parsed at a time, and milliseconds after which the page gets its turn again.
const SLICE = 8 * 1024, TURN_MS = 8;
const MIB = 1024 * 1024;

/** Return a number of bytes as people read it; gateway/console/batch.py writes the same. */
export function sizeText(size) {
  const [value, unit] = size >= MIB ? [size / MIB, "MiB"] : [size / 1024, "KiB"];
  return `${value.toFixed(1).replace(/\.0$/, "")} ${unit}`;
}

/**
 * Score a file. `on` has `sent(share)`, `answering(rows)`, `lines(lines)` for each piece, and one of `done(count)`,
 * `refused(status, body, retryAfter)`, `failed(why)` at the end. Return a function that cancels.
 */
export function upload(url, form, on) {
  const request = new XMLHttpRequest();
  let read = 0, count = 0, frame = 0, isOver = false, isAnswer = false;

  function piece() {
    const text = request.responseText;
    const end = text.lastIndexOf("\n", Math.min(text.length, read + SLICE) - 1) + 1 || 0;
    const stop = end > read ? end : text.indexOf("\n", read) + 1;
    if (stop <= read) return false;
    const lines = text.slice(read, stop).split("\n");
    lines.pop();
    read = stop;
    count += lines.length;
    on.lines(lines.map((line) => JSON.parse(line)));
    return true;
  }

  function turn() {
    frame = 0;
    const until = performance.now() + TURN_MS;
    while (isAnswer && piece()) {
      if (performance.now() < until) continue;
      frame = requestAnimationFrame(turn);
      return;
    }
    if (isOver) finish();
  }

  const wake = () => { frame ||= requestAnimationFrame(turn); };

  function finish() {
    const { status } = request;
    if (!isAnswer) {
      let body = {};
      try { body = JSON.parse(request.responseText); } catch { /* a proxy may answer in its own words */ }
      on.refused(status, body, request.getResponseHeader("Retry-After"));
    } else if (read < request.responseText.length || count < total()) on.failed("cut", count);
    else on.done(count);
  }

  const total = () => Number(request.getResponseHeader("X-Row-Count") ?? 0);

  request.upload.onprogress = (event) => { if (event.lengthComputable) on.sent(event.loaded / event.total); };
  request.upload.onload = () => on.sent(1);
  request.onreadystatechange = () => {
    if (request.readyState !== XMLHttpRequest.HEADERS_RECEIVED) return;
    isAnswer = request.status === 200;
    if (isAnswer) on.answering(total(), request.getResponseHeader("X-Gateway-Generation"));
  };
  request.onprogress = wake;
  request.onload = () => { isOver = true; wake(); };
  request.onerror = () => { cancelAnimationFrame(frame); on.failed(isAnswer ? "cut" : "unreachable", count); };
  request.open("POST", url);
  for (const [name, value] of Object.entries({ Accept: "application/x-ndjson", ...headers() })) request.setRequestHeader(name, value);
  request.send(form);
  return () => {
    cancelAnimationFrame(frame);
    request.onload = request.onerror = request.onprogress = null;
    request.abort();
    return count;
  };
}
