// Texts of messages and events as a person reads them. Everything here returns text, never markup.

/**
 * Decodes the encoded words of RFC 2047, as a mail program does.
 * @param {string} text
 */
function decoded(text) {
  return text.replace(/=\?utf-8\?([bq])\?([^?]*)\?=(?:\s+(?==\?))?/gi, (word, kind, data) => {
    try {
      const bytes =
        kind.toLowerCase() === 'b'
          ? atob(data)
          : data
              .replace(/_/g, ' ')
              .replace(/=([0-9a-f]{2})/gi, (/** @type {string} */ _, /** @type {string} */ hex) =>
                String.fromCharCode(Number.parseInt(hex, 16)),
              );
      return new TextDecoder().decode(Uint8Array.from(bytes, (/** @type {string} */ byte) => byte.charCodeAt(0)));
    } catch {
      return word;
    }
  });
}

/**
 * Shows a character by its number.
 * @param {string} hidden
 */
function numbered(hidden) {
  return `\u27e8U+${hidden.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}\u27e9`;
}

/**
 * Shows hidden and direction-changing characters by their numbers.
 * @param {unknown} text
 */
export function plain(text) {
  return String(text).replace(/(?!\t)[\p{Cc}\u202a-\u202e]/gu, numbered);
}

/**
 * As `plain`, for a text of several lines.
 * @param {unknown} text
 */
export function plainLines(text) {
  return String(text).replace(/(?![\t\n])[\p{Cc}\u202a-\u202e]/gu, numbered);
}

/**
 * Returns the text of a head as a mail program shows it, with all hidden characters visible.
 * @param {string} text
 */
export function shown(text) {
  return plain(decoded(text));
}

/**
 * Returns the display name of an address, or the address without one.
 * @param {string} address
 */
export function short(address) {
  const name = shown(address)
    .replace(/<[^<]*>$/, '')
    .trim()
    .replace(/^"(.*)"$/, '$1');
  return name || plain(address);
}

/**
 * @param {number} number
 * @param {string} thing
 */
export function count(number, thing) {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}

/** @param {{subject: string}} message */
export function subject(message) {
  return shown(message.subject) || '(no subject)';
}
