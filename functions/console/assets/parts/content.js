// The content of an email in a sandboxed frame. Shared with the local inbox.

import { h } from '../kit/dom.js';

/**
 * Shows the content behind an address. The frame may run no script, and its answer has a policy of its own.
 * @param {string} url
 * @param {string} title
 * @returns {HTMLIFrameElement}
 */
export function contentFrame(url, title) {
  return h('iframe', { class: 'content-frame', sandbox: '', src: url, title, referrerpolicy: 'no-referrer' });
}
