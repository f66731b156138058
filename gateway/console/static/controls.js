// One field of the form: its box, slider, missing switch and fault. Knows no value of another field.

import { emptyIsText, isNumeric } from './checks.js';
import { entryOf, fieldOf, setTexts, setUnreadable } from './state.js';

// What a number box can show (the grammar of HTML): it is empty for any other text.
const SHOWN = /^-?(\d+(\.\d+)?|\.\d+)(e[+-]?\d+)?$/i;
const HOW = { number: 'typing', integer: 'typing', text: 'text', select: 'slide', boolean: 'slide' };

function strange(box, text) {
  const option = document.createElement('option');
  option.value = text;
  option.textContent = `${text} (unknown)`;
  option.dataset.strange = '';
  box.append(option);
}

export class Control {
  constructor(element) {
    this.name = element.dataset.field;
    this.field = fieldOf(this.name);
    this.box = element.querySelector('[name]');
    this.slider = element.querySelector('[data-slider]');
    this.switch = element.querySelector('[data-missing]');
    this.note = element.querySelector('.fault');
    this.help = element.querySelector('.help');
    this.box.addEventListener('input', () => this.take(HOW[this.field.control]));
    this.box.addEventListener('change', () => this.settle());
    this.slider?.addEventListener('input', () => {
      this.box.value = this.slider.value;
      this.take('slide');
    });
    this.switch?.addEventListener('change', () => this.toggle());
    this.show();
  }

  // Unhide what only a script can serve.
  show() {
    if (this.slider) this.slider.hidden = false;
    if (this.switch) {
      this.switch.hidden = false;
      this.switch.parentElement.querySelector('span').textContent = 'missing';
    }
  }

  // Pass on what stands in the box.
  take(how) {
    if (this.box.validity.badInput) setUnreadable(this.name, how);
    else setTexts([[this.name, this.text()]], how);
    this.link();
  }

  text() {
    const { value } = this.box;
    return value === '' && !emptyIsText(this.field) ? null : value;
  }

  // Let slider and switch follow the box.
  link() {
    const entry = entryOf(this.name);
    const isMissing = entry.value === null && !entry.isUnreadable;
    if (this.slider && typeof entry.value === 'number') this.slider.value = entry.value;
    if (this.switch) this.switch.checked = isMissing;
    if (entry.text) this.kept = entry.text;
    if (isNumeric(this.field) && this.field.nullable) this.box.placeholder = 'missing';
  }

  // A text that is no number has a text box, which becomes a number box again once a number stands there.
  settle() {
    if ('strange' in this.box.dataset && !entryOf(this.name).fault && SHOWN.test(this.box.value)) {
      delete this.box.dataset.strange;
      this.box.type = 'number';
    }
    this.box.querySelectorAll?.('option[data-strange]').forEach(option => { if (!option.selected) option.remove(); });
  }

  toggle() {
    if (this.switch.checked) setTexts([[this.name, null]], 'slide');
    else setTexts([[this.name, this.kept ?? this.usual()]], 'slide');
    this.write();
    if (!this.switch.checked) this.box.focus();
  }

  // What a field holds that was missing from the beginning.
  usual() {
    const { examples, default: given, levels, range } = this.field;
    return String(examples?.[0] ?? given ?? levels?.[0]?.text ?? range?.low ?? '');
  }

  // Show what the store holds; a value that does not fit is shown as it is.
  write() {
    const { text } = entryOf(this.name);
    const { box } = this;
    if (box.tagName === 'SELECT' && text && ![...box.options].some(option => option.value === text)) strange(box, text);
    if (box.type === 'number' && text && !(SHOWN.test(text) && Number.isFinite(Number(text)))) {
      box.type = 'text';
      box.dataset.strange = '';
    }
    box.value = text ?? '';
    this.settle();
    this.link();
  }

  // Show a fault at the field, or take it away; `told` is the text.
  mark(told) {
    this.note.textContent = told;
    this.note.hidden = !told;
    if (told) this.box.setAttribute('aria-invalid', 'true');
    else this.box.removeAttribute('aria-invalid');
    this.box.setAttribute('aria-describedby', told ? `${this.help.id} ${this.note.id}` : this.help.id);
  }
}
