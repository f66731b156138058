// What stands below the what-if curves once somebody opens it: which number and inputs are drawn, and all numbers as a table.

import { outcomeText } from './curves.js';
import { element, valueText } from './points.js';

// Fill an open `details` below its summary; focus and the place of the table stay.
export function fill(details, { plans, choices, choice, choose, shown, next }) {
  const hadFocus = details.contains(document.activeElement) ? document.activeElement.dataset.control : null;
  const parts = [table(plans, choice)];
  if (shown.plans.length < shown.of) parts.unshift(pager(shown, next));
  if (choices.length > 1) parts.unshift(chooser(choices, choice, choose));
  details.replaceChildren(details.firstElementChild, ...parts);
  if (hadFocus) details.querySelector(`[data-control="${hadFocus}"]`)?.focus();
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

function table(plans, choice) {
  const head = element('tr', '', ...['Input', 'Value', choice.text].map((text) => header(text, 'col')));
  const made = element(
    'table', '', element('caption', 'visually-hidden', 'Numbers of the what-if curves'), element('thead', '', head), ...plans.map((one) => body(one, choice)),
  );
  const scroll = element('div', 'scroll', made);
  Object.assign(scroll, { tabIndex: 0, role: 'region', ariaLabel: 'What-if numbers' });
  return scroll;
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
