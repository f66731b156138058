// The try page: what the form holds is predicted while it changes.

import * as form from './form.js';
import * as predict from './predict.js';
import * as result from './result.js';
import { island, subscribe } from './state.js';

let sharing = null;

// Load what passes inputs on once there is something to pass on.
function share() {
  sharing ??= import('./share.js').then(module => {
    module.start();
    return module;
  });
  sharing.catch(() => { sharing = null; });
  return sharing;
}

async function start() {
  form.start();
  result.start();
  if (location.hash.length > 1) await share().catch(() => {});
  else subscribe(() => share().catch(() => {}));
  window.addEventListener('hashchange', () => share().catch(() => {}));
  for (const button of document.querySelectorAll('#copy-link, [data-copy]')) {
    button.hidden = false;
    button.addEventListener('click', () => share().then(module => module.copy(button)));
  }
  predict.start();
  // Only where a plot is; without it the drawing of the server stays.
  if (island.plot) import('./plot.js').then(module => module.start(), () => {});
}

if (document.getElementById('form')) start();
