// Filters of a list, which the address bar keeps.

import { h } from './dom.js';
import { optionElements } from './fields.js';
import { setQuery } from './router.js';
import { fromIso, toIso } from './time.js';

/**
 * @typedef {{
 *   name: string,
 *   label: string,
 *   kind: 'text' | 'select' | 'datetime',
 *   options?: import('./fields.js').Option[],
 *   placeholder?: string,
 * }} Filter A select gets the option "any" first.
 */

/**
 * Creates a form of filters. A changed value is written into the address bar, then given to `onChange`.
 * @param {Filter[]} definitions
 * @param {URLSearchParams} query The query of the address. Parameters without a filter stay.
 * @param {(query: URLSearchParams) => void} onChange
 * @returns {HTMLFormElement}
 */
export function filters(definitions, query, onChange) {
  let current = new URLSearchParams(query);
  const controls = definitions.map((definition) => createControl(definition, current.get(definition.name) ?? ''));
  const clear = h('button', { type: 'button', class: 'button', on: { click: clearAll } }, 'Clear filters');
  const form = h(
    'form',
    {
      class: 'toolbar filters',
      role: 'search',
      on: {
        change: apply,
        submit: (event) => {
          event.preventDefault();
          apply();
        },
      },
    },
    controls.map((control) => control.element),
    clear,
  );

  function apply() {
    const changed = new URLSearchParams(current);
    for (const { name, value } of controls) {
      const given = value();
      if (given) changed.set(name, given);
      else changed.delete(name);
    }
    showClear(changed);
    if (changed.toString() === current.toString()) return;
    current = changed;
    setQuery(current);
    onChange(new URLSearchParams(current));
  }

  function clearAll() {
    for (const { input } of controls) input.value = '';
    apply();
    controls[0]?.input.focus();
  }

  /** @param {URLSearchParams} shown */
  function showClear(shown) {
    clear.hidden = !definitions.some(({ name }) => shown.get(name));
  }

  showClear(current);
  return form;
}

/**
 * @param {Filter} definition
 * @param {string} given
 */
function createControl({ name, label, kind, options = [], placeholder }, given) {
  const id = `filter-${name}`;
  const isTime = kind === 'datetime';
  const input =
    kind === 'select'
      ? h('select', { id, name }, optionElements([{ value: '', label: 'any' }, ...known(options, given)], given))
      : h('input', {
          id,
          name,
          placeholder,
          type: isTime ? 'datetime-local' : 'search',
          step: isTime && '1',
          value: isTime ? fromIso(given) : given,
          autocomplete: 'off',
          spellcheck: 'false',
        });
  const value = () => (isTime ? toIso(input.value) : input.value.trim());
  return { name, input, value, element: h('div', { class: 'field' }, h('label', { for: id }, label), input) };
}

/**
 * Returns the options, with the given value even if it is not among them: it filters, so it has to be visible.
 * @param {import('./fields.js').Option[]} options
 * @param {string} given
 */
function known(options, given) {
  const isKnown = options.some((option) => (typeof option === 'string' ? option : option.value) === given);
  return given === '' || isKnown ? options : [...options, given];
}
