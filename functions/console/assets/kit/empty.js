// An empty state that teaches the next step.

import { copyButton } from './copy.js';
import { h } from './dom.js';

/**
 * Creates an empty state.
 * @param {{title: string, text?: import('./dom.js').Child, curl?: string, action?: Node | null}} options
 * @returns {HTMLElement}
 */
export function empty({ title, text, curl, action }) {
  return h(
    'div',
    { class: 'empty' },
    h('p', { class: 'empty-title' }, title),
    text && h('p', {}, text),
    curl && h('div', { class: 'code' }, h('pre', { tabindex: '0' }, h('code', {}, curl)), copyButton(curl)),
    action,
  );
}
