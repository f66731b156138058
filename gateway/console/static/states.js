// States of a page in words: what happened, why, the way out. One at a time stands in #state; its sign stands in console.css.

// What a page keeps while it cannot go on.
const KEPT = {
  try: () => 'Your values are kept.',
  batch: () => (document.getElementById('file').files.length ? 'Your file stays chosen.' : ''),
  index: () => 'The figures are the last ones that came.',
};
const kept = () => KEPT[document.body.dataset.page]?.() ?? '';

// Kind -> title, text and way out; `data` is what the answer or the page knows.
const KINDS = {
  waiting: [() => 'Waiting for the model', () => 'The request is under way.'],
  invalid: [invalidTitle, ({ detail }) => detail, () => 'Correct the marked inputs; the prediction follows by itself.'],
  loading: [() => 'The model is loading', ({ detail }) => detail, () => 'The page looks again by itself and predicts once the model serves.'],
  failed: [() => 'This model does not serve', ({ detail }) => detail, ({ hint }) => `${hint ? `To fix: ${hint}. ` : ''}The page looks again every few seconds and goes on once the model serves.`],
  overloaded: [() => 'The model is busy', ({ code, detail }) => (code === 'disk-full' ? detail : 'More requests came than can be answered at once.'), kept],
  deadline: [() => 'The model took too long', () => 'No answer came in the time that it is given.', () => `Other inputs may be quicker. ${kept()}`.trim()],
  unreachable: [() => 'The gateway does not answer', ({ detail }) => detail ?? 'It may be restarting, or the network is down.', kept],
  generation: [() => 'A new version is being served', () => 'Somebody changed the models that are served. The inputs of this one are the same, so this page goes on.'],
  changed: [() => 'The inputs of this model have changed', () => 'The page was loaded anew; values that still fit were kept.', ({ unfit }) => (unfit?.length ? `No longer fitting and marked: ${unfit.join(', ')}.` : 'All of them fit.')],
  outdated: [() => 'The inputs of this model have changed', () => 'The page stays as it is until the work under way has ended.', () => 'Then load the page anew.'],
  gone: [() => 'This route was removed', () => 'The registry no longer holds it, so nothing more can be predicted here.', () => 'Choose another model. If the route comes back, this page goes on by itself.'],
  'too-large': [() => 'The inputs are too large', ({ detail }) => detail, ({ hint }) => hint || 'Shorten the longest input.'],
  refused: [() => 'The request was refused', ({ detail }) => detail, ({ hint }) => hint],
  error: [() => 'The model failed', () => 'It raised an error at these inputs.', () => 'Other inputs may work. Whoever runs the gateway finds the cause in its log under this request id:'],
};

const OVERLOADED = new Set(['overloaded', 'bodies-full', 'readers-full', 'disk-full']);
const LOADING = new Set(['loading', 'not-ready']);
const WAITING_MS = 250;
const NUMBER = new Intl.NumberFormat('en');

let late = 0;

const count = (number, word) => `${NUMBER.format(number)} ${word}${number === 1 ? '' : 's'}`;

function invalidTitle({ faults }) {
  const number = new Set((faults ?? []).map((fault) => fault.field ?? fault.at)).size;
  if (!number) return 'The inputs cannot be used';
  return `${count(number, 'input')} cannot be used`;
}

// Return the kind of state that an answer of api.js means; null for success, and where the page itself gave up.
export function kindOf(reply) {
  if (reply.ok || reply.failure === 'aborted') return null;
  if (reply.failure) return reply.failure;
  const code = codeOf(reply);
  if (reply.status === 404) return 'gone';
  if (reply.status === 413) return 'too-large';
  if (reply.status === 429 || OVERLOADED.has(code)) return 'overloaded';
  // Answers without a code come from a proxy before the gateway.
  if (reply.status >= 502 && !code) return 'unreachable';
  if (reply.status === 503) return LOADING.has(code) ? 'loading' : 'failed';
  if (reply.status === 504) return 'deadline';
  if (reply.status >= 500) return 'error';
  return code === 'invalid-input' ? 'invalid' : 'refused';
}

function codeOf({ body }) {
  return typeof body?.type === 'string' ? body.type.split(':').at(-1) : '';
}

// Return what a state may tell of an answer.
export function dataOf({ body, status, failure }) {
  const known = typeof body === 'object' && body !== null ? body : {};
  const detail = known.detail ?? (failure || !status ? undefined : `The answer was status ${status}.`);
  return { detail, code: codeOf({ body }), hint: known.hint, faults: known.errors, requestId: known.request_id };
}

// Return the kind that #state shows now; '' for none.
export function current() {
  const place = document.getElementById('state');
  return !place || place.hidden ? '' : (place.dataset.kind ?? '');
}

// Show a state; `actions` are `{text, run}` or `{text, href}`, `seconds` is a time to count down by `tick`.
export function show(kind, data = {}) {
  const place = document.getElementById('state');
  if (!place) return;
  const [title, text, way] = KINDS[kind];
  const parts = [element('strong', {}, title(data)), paragraph('why', text?.(data)), paragraph('fix', way?.(data))];
  if (data.seconds !== undefined) parts.push(countdown());
  if (data.requestId && kind === 'error') parts.push(paragraph('request-id', data.requestId));
  if (data.actions?.length) parts.push(buttons(data.actions));
  place.replaceChildren(...parts.filter(Boolean));
  place.dataset.kind = kind;
  place.hidden = false;
  if (data.seconds !== undefined) tick(data.seconds);
}

// Write the seconds that are left; a screen reader hears only once that the page tries again.
export function tick(seconds) {
  const place = document.querySelector('#state [data-seconds]');
  if (place) place.textContent = seconds > 0 ? `in ${seconds} s` : 'now';
}

// Hide the state, or only one of the kinds that are named.
export function clear(...kinds) {
  const place = document.getElementById('state');
  if (!place || place.hidden || (kinds.length && !kinds.includes(place.dataset.kind))) return;
  place.hidden = true;
  delete place.dataset.kind;
  place.replaceChildren();
}

// Say that a request begins: that is shown once it takes longer than nobody notices. The function that is returned says
// that it has ended, and so does `answered`.
export function waiting() {
  clearTimeout(late);
  late = setTimeout(() => current() || show('waiting'), WAITING_MS);
  return answered;
}

export function answered() {
  clearTimeout(late);
  clear('waiting');
}

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function paragraph(className, text) {
  return text ? element('p', { className }, text) : null;
}

// Say below the words of the server that nobody has to load the page anew.
export function follow() {
  const place = document.getElementById('state');
  if (!place.querySelector('.retry')) place.append(paragraph('retry', 'The page looks again by itself every few seconds.'));
}

function countdown() {
  const seconds = element('span', {});
  seconds.dataset.seconds = '';
  seconds.setAttribute('aria-hidden', 'true');
  return element('p', { className: 'retry' }, 'The page tries again by itself ', seconds);
}

function buttons(actions) {
  const made = actions.map(({ text, run, href }) =>
    href ? element('a', { href }, text) : element('button', { type: 'button', onclick: run }, text),
  );
  return element('p', { className: 'actions' }, ...made);
}
