// Copies text. Where the clipboard is refused, it selects the text for the reader.

import { h } from './dom.js';

/** Time for which the button confirms a copy. */
const CONFIRMED_MS = 2_000;

/**
 * Creates a button that copies a text.
 * @param {string | (() => string)} textOrFn
 * @param {string} [label]
 * @returns {HTMLButtonElement}
 */
export function copyButton(textOrFn, label = 'Copy') {
  const said = h('span', { 'aria-live': 'polite' }, label);
  const button = h('button', { type: 'button', class: 'button button-small', on: { click: () => void copy() } }, said);
  async function copy() {
    const text = typeof textOrFn === 'function' ? textOrFn() : textOrFn;
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = 'Copied';
      setTimeout(() => {
        said.textContent = label;
      }, CONFIRMED_MS);
    } catch {
      select(button, text);
    }
  }
  return button;
}

/**
 * Shows the text selected beside the button, to copy it by keyboard.
 * @param {HTMLButtonElement} button
 * @param {string} text
 */
function select(button, text) {
  const old = button.nextElementSibling;
  if (old?.classList.contains('copy-text')) old.remove();
  const area = h('textarea', { class: 'copy-text', readonly: true, rows: '3', 'aria-label': 'Press Ctrl+C to copy' });
  area.value = text;
  button.after(area);
  area.focus();
  area.select();
}
