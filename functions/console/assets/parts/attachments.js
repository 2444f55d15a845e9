// The attachments of an email. Shared with the local inbox.

import { h } from '../kit/dom.js';
import { bytes } from '../kit/format.js';

/**
 * @typedef {{
 *   filename: string,
 *   content_type?: string | null,
 *   size?: number | null,
 *   content_disposition?: string | null,
 *   content_id?: string | null,
 * }} Attachment
 */

/**
 * Shows attachments. A file with an address can be downloaded.
 * @template {Attachment} A
 * @param {A[]} list
 * @param {(attachment: A) => string | null | undefined} hrefOf
 * @returns {HTMLElement}
 */
export function attachments(list, hrefOf) {
  if (list.length === 0) return h('p', { class: 'muted' }, 'No attachments.');
  return h(
    'ul',
    { class: 'attachments' },
    list.map((one) => {
      const href = hrefOf(one);
      const name = one.filename || 'unnamed file';
      const isInline = Boolean(one.content_id) || one.content_disposition === 'inline';
      const facts = [one.content_type, bytes(one.size), isInline && 'inline'].filter(Boolean).join(', ');
      return h(
        'li',
        {},
        href
          ? h('a', { href, download: name, rel: 'noopener noreferrer', target: '_blank' }, name)
          : h('span', {}, name),
        h('span', { class: 'muted' }, facts),
      );
    }),
  );
}
