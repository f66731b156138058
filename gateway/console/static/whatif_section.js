// The section of the what-if curves: what they show and what not, which number, which inputs, and all numbers as a table.

import { outcomeText } from './points.js';

const HELD = 'All other inputs are held fixed. This is what the model says, not a cause.';
const NUMBER = new Intl.NumberFormat('en', { maximumSignificantDigits: 6 });

// Make an element with a class; texts and elements become its children.
export function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

// Write a value of a field: a level by its text, a number with its unit.
export function valueText(field, value) {
  const level = field.levels?.find((one) => one.value === value);
  if (level) return level.text;
  if (typeof value !== 'number') return String(value);
  return field.unit ? `${NUMBER.format(value)} ${field.unit}` : NUMBER.format(value);
}

// Fill the section: with `why` there are no curves.
export function writeSection({ why, plans, choices, choice, scale, choose, shown, next }) {
  const place = document.getElementById('whatif-table');
  if (!place) return;
  const wasOpen = place.querySelector('details')?.open ?? false;
  const hadFocus = place.contains(document.activeElement) ? document.activeElement.dataset.control : null;
  const parts = [element('h2', '', 'What if')];
  if (why) parts.push(element('p', 'why', why));
  else {
    const say = (number) => outcomeText(number, choice.isProbability);
    parts.push(
      element('p', 'held', HELD),
      element('p', 'drawn', `Drawn: ${choice.text}, on one scale from ${say(scale.low)} to ${say(scale.high)}.`),
      ...(choices.length > 1 ? [chooser(choices, choice, choose)] : []),
      ...(shown.plans.length < shown.of ? [pager(shown, next)] : []),
      table(plans, choice, wasOpen),
    );
  }
  place.replaceChildren(...parts);
  place.hidden = false;
  if (hadFocus) place.querySelector(`[data-control="${hadFocus}"]`)?.focus();
}

function chooser(choices, choice, choose) {
  const select = element('select', '', ...choices.map((one) => new Option(one.text, one.key, false, one === choice)));
  select.dataset.control = 'choice';
  select.onchange = () => choose(select.value);
  return element('label', 'choice', 'Number to draw ', select);
}

function pager({ first, plans, of }, next) {
  const last = first + plans.length;
  const button = element('button', '', last < of ? 'Curves of the next inputs' : 'Curves of the first inputs');
  button.type = 'button';
  button.dataset.control = 'next';
  button.onclick = next;
  return element('p', 'pager', `Curves of inputs ${first + 1} to ${last} of ${of} `, button);
}

function table(plans, choice, isOpen) {
  const head = element('tr', '', ...['Input', 'Value', choice.text].map((text) => header(text, 'col')));
  const made = element(
    'table', '', element('caption', 'visually-hidden', HELD), element('thead', '', head), ...plans.map((one) => body(one, choice)),
  );
  const scroll = element('div', 'scroll', made);
  Object.assign(scroll, { tabIndex: 0, role: 'region', ariaLabel: 'What-if numbers' });
  const details = element('details', '', element('summary', '', 'The numbers of the curves as a table'), scroll);
  details.open = isOpen;
  return details;
}

function body({ field, values, outcomes }, choice) {
  const rows = values.map((value, place) =>
    element('tr', '',
      ...(place === 0 ? [spanning(field.name, values.length)] : []),
      element('td', 'number', valueText(field, value)),
      element('td', 'number', outcomeText(outcomes[place], choice.isProbability)),
    ),
  );
  return element('tbody', '', ...rows);
}

function header(text, scope) {
  const made = element('th', '', text);
  made.scope = scope;
  return made;
}

function spanning(text, rows) {
  const made = header(text, 'rowgroup');
  made.rowSpan = rows;
  return made;
}
