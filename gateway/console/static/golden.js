// Golden rows: asks the model again and writes its answers beside the published ones.

import { fetchWithKey } from './key.js';

const RETRY_S = 5;
let timer = 0;

// Take over the button, ask at once where the page wants it, and return what asks again.
export function offerGolden() {
  const section = document.getElementById('golden');
  const form = section?.querySelector('form.run');
  if (!form) return () => {};
  const again = () => run(section, form);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    again();
  });
  if ('run' in section.dataset) again();
  return again;
}

async function run(section, form) {
  const button = form.querySelector('button');
  const result = section.querySelector('#golden-result');
  button.disabled = true;
  clearTimeout(timer);
  say(result, 'Asking the model…', '');
  try {
    const response = await fetchWithKey(form.action, { method: 'POST', headers: { Accept: 'application/json' } });
    const body = await response.json().catch(() => ({})); // a proxy may answer in its own words
    if (response.ok) show(section, result, body);
    else refuse(section, form, result, response, body);
  } catch {
    say(result, 'The rows could not be asked, because the gateway does not answer. They are asked again once it does.', 'false');
    retry(section, form, RETRY_S);
  } finally {
    button.disabled = false;
  }
}

// Say why nothing was compared; where the gateway says how long to wait, ask again by itself.
function refuse(section, form, result, response, body) {
  const isPassing = response.status >= 502 && !body.type;
  const seconds = Number(response.headers.get('Retry-After')) || (isPassing ? RETRY_S : 0);
  const why = body.detail ?? `the answer was status ${response.status}`;
  const texts = [`The rows could not be asked: ${why}.`, body.hint && `${body.hint}.`];
  if (seconds) {
    texts.push(`They are asked again in ${seconds} s.`);
    retry(section, form, seconds);
  }
  say(result, texts.filter(Boolean).join(' '), 'false');
}

// Nothing is asked while nobody looks.
function retry(section, form, seconds) {
  timer = setTimeout(() => (document.hidden ? retry : run)(section, form, seconds), seconds * 1000);
}

function show(section, result, body) {
  body.rows.forEach((row, at) => {
    const line = section.querySelector(`tr[data-row="${at}"]`);
    line.dataset.equal = String(row.equal);
    line.querySelector('.now').replaceChildren(...row.now.map(lineOf));
    line.querySelector('.equal').textContent = row.equal ? '✓ equal' : '✗ differs';
  });
  say(result, body.summary, String(body.equal));
}

function lineOf(text) {
  const line = document.createElement('span');
  line.className = 'line';
  line.textContent = text;
  return line;
}

function say(result, text, isEqual) {
  result.dataset.equal = isEqual;
  result.textContent = text;
}
