// When the next try comes: seconds counted down, which stand still while nobody looks at the page.

import { show, tick } from './states.js';

// Seconds until the next try: first, second, every further one.
const PAUSES = { unreachable: [1, 2, 5], deadline: [5, 15, 60], loading: [1, 2, 5], failed: [5] };

let timer = 0;
let tries = 0;

// Say whether a try is planned.
export const isPlanned = () => timer !== 0;

// Drop the planned try.
export function cancel() {
  clearInterval(timer);
  timer = 0;
}

// Begin with the shortest pause again.
export function succeeded() {
  tries = 0;
}

// Show a state with the seconds that are left, then run; without `seconds` the pauses grow from try to try.
export function countDown(kind, data, run, seconds = pause(kind)) {
  const now = () => {
    cancel();
    run();
  };
  show(kind, { ...data, seconds, actions: [{ text: 'Try now', run: now }] });
  every(seconds, now, tick);
}

// Run after the pause of a state that is shown already.
export function later(kind, run) {
  every(pause(kind), () => {
    cancel();
    run();
  });
}

function pause(kind) {
  const pauses = PAUSES[kind];
  tries += 1;
  return pauses[Math.min(tries, pauses.length) - 1];
}

function every(seconds, run, told = () => {}) {
  cancel();
  let left = seconds;
  timer = setInterval(() => {
    if (document.hidden) return;
    left -= 1;
    told(left);
    if (left <= 0) run();
  }, 1000);
}
