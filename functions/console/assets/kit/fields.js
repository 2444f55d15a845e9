// The fields of a dialog: their inputs, values and errors.

import { h, replace } from './dom.js';
import { fromIso, toIso } from './time.js';

/** @typedef {string | {value: string, label: string}} Option */

/**
 * Kinds and their values: `text`, `textarea`, `select`, `password`: a text; `number`: a number, or null if empty;
 * `checkbox`: a boolean; `checks`: a list of texts; `datetime`: a time in UTC, or an empty text.
 * @typedef {{
 *   name: string,
 *   label: string,
 *   kind?: 'text' | 'textarea' | 'select' | 'password' | 'number' | 'checkbox' | 'checks' | 'datetime',
 *   options?: Option[],
 *   required?: boolean,
 *   hint?: string,
 *   value?: string | number | boolean | string[] | null,
 *   placeholder?: string,
 *   min?: number,
 *   max?: number,
 *   step?: number | 'any',
 * }} Field
 */

/** @typedef {Record<string, any>} Values */

let count = 0;

/**
 * Creates fields.
 * @param {Field[]} definitions
 * @param {() => void} onInput
 * @returns {{
 *   element: HTMLElement,
 *   values: () => Values,
 *   showError: (path: string, message: string) => boolean,
 *   clearErrors: () => void,
 * }} `showError` shows an error beside the field of a path such as `to[3]`, and returns whether there is one.
 */
export function createFields(definitions, onInput) {
  const parts = definitions.map((definition) => createField(definition));
  const element = h(
    'div',
    { class: 'fields', on: { input: onInput, change: onInput } },
    parts.map((part) => part.element),
  );
  return {
    element,
    values: () => Object.fromEntries(parts.map((part) => [part.name, part.value()])),
    showError(path, message) {
      const base = path.split(/[.[]/)[0];
      const part = parts.find((candidate) => candidate.name === path) ?? parts.find(({ name }) => name === base);
      part?.showError(message);
      return part !== undefined;
    },
    clearErrors() {
      for (const part of parts) part.showError('');
    },
  };
}

/**
 * Returns options as elements.
 * @param {Option[]} options
 * @param {string} selected
 */
export function optionElements(options, selected) {
  return options.map((option) => {
    const { value, label } = typeof option === 'string' ? { value: option, label: option } : option;
    return h('option', { value, selected: value === selected }, label);
  });
}

/** @param {Field} definition */
function createField(definition) {
  const id = `field-${++count}`;
  const described = `${id}-error ${definition.hint ? `${id}-hint` : ''}`.trim();
  const { element: control, target, value } = createControl(definition, id, described);
  const error = h('p', { id: `${id}-error`, class: 'field-error', role: 'alert' });
  const hint = definition.hint && h('p', { id: `${id}-hint`, class: 'muted' }, definition.hint);
  const isGroup = definition.kind === 'checks';
  const element = isGroup
    ? h(
        'fieldset',
        { class: 'field', 'aria-describedby': described },
        h('legend', {}, definition.label),
        control,
        hint,
        error,
      )
    : h(
        'div',
        { class: definition.kind === 'checkbox' ? 'field field-check' : 'field' },
        h('label', { for: id }, definition.label),
        control,
        hint,
        error,
      );
  return {
    name: definition.name,
    element,
    value,
    /** @param {string} message */
    showError(message) {
      replace(error, message);
      if (!message) return target.removeAttribute('aria-invalid');
      target.setAttribute('aria-invalid', 'true');
      target.focus();
    },
  };
}

/**
 * @param {Field} definition
 * @param {string} id
 * @param {string} described
 * @returns {{element: HTMLElement, target: HTMLElement, value: () => any}}
 */
function createControl(definition, id, described) {
  const { kind = 'text', options = [], required, placeholder, min, max, step } = definition;
  const given = definition.value ?? '';
  const shared = { id, required, 'aria-describedby': described, name: definition.name };
  if (kind === 'checks') {
    const chosen = Array.isArray(given) ? given : [];
    const boxes = options.map((option) => {
      const { value, label } = typeof option === 'string' ? { value: option, label: option } : option;
      const box = h('input', { type: 'checkbox', value, checked: chosen.includes(value) });
      return { box, element: h('label', { class: 'check' }, box, label) };
    });
    const element = h(
      'div',
      { class: 'checks' },
      boxes.map((box) => box.element),
    );
    const target = boxes[0]?.box ?? element;
    return { element, target, value: () => boxes.filter(({ box }) => box.checked).map(({ box }) => box.value) };
  }
  if (kind === 'select') {
    const element = h('select', shared, optionElements(options, String(given)));
    return { element, target: element, value: () => element.value };
  }
  if (kind === 'textarea') {
    const element = h('textarea', { ...shared, rows: '4', placeholder }, String(given));
    return { element, target: element, value: () => element.value.trim() };
  }
  if (kind === 'checkbox') {
    const element = h('input', { ...shared, type: 'checkbox', checked: given === true });
    return { element, target: element, value: () => element.checked };
  }
  if (kind === 'datetime') {
    const element = h('input', { ...shared, type: 'datetime-local', step: '1', value: fromIso(String(given)) });
    return { element, target: element, value: () => toIso(element.value) };
  }
  const type = kind === 'number' || kind === 'password' ? kind : 'text';
  const element = h('input', {
    ...shared,
    type,
    placeholder,
    min,
    max,
    step,
    value: String(given),
    autocomplete: 'off',
    spellcheck: 'false',
  });
  const value = () => (kind === 'number' ? numberOf(element.value) : element.value.trim());
  return { element, target: element, value };
}

/** @param {string} value */
function numberOf(value) {
  return value.trim() === '' ? null : Number(value);
}
