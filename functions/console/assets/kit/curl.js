// Writes a call as a shell command. Foreign text in it must stay data: a reader pastes the command into a terminal.

/**
 * A call of the API, to run or to show.
 * @typedef {{
 *   method: string,
 *   path: string,
 *   query?: Query,
 *   body?: unknown,
 *   tenant?: string | null,
 * }} Call
 */

/** @typedef {Record<string, string | number | boolean | null | undefined> | URLSearchParams} Query */

// Characters that neither sh nor an interactive shell interprets within double quotes.
const PLAIN = /^[A-Za-z0-9/_.~%:@=&?,+*-]*$/;
// Characters that a terminal hides or uses to reorder text.
const INVISIBLE = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

/**
 * Returns a call as a command for sh, with `$MAILQUEUE_URL` and `$MAILQUEUE_API_KEY`.
 * @param {Call} call
 * @param {string} [base] Base URL to show in place of the variable.
 * @returns {string}
 */
export function curl(call, base = '') {
  const address = call.path + queryText(call.query);
  const method = call.method === 'GET' ? '' : ` -X ${call.method}`;
  const lines = [`curl${method} ${urlWord(base, address)}`, '-H "Authorization: Bearer $MAILQUEUE_API_KEY"'];
  if (call.tenant) lines.push(`-H ${quote(`x-mailqueue-tenant: ${call.tenant}`)}`);
  if (call.body !== undefined) {
    lines.push("-H 'Content-Type: application/json'", `-d ${quote(json(call.body))}`);
  }
  return lines.join(' \\\n  ');
}

/**
 * Returns a query with its question mark. Empty values are left out.
 * @param {Query} [query]
 * @returns {string}
 */
export function queryText(query) {
  if (!query) return '';
  const text = cleaned(query).toString();
  return text && `?${text}`;
}

/**
 * Returns a query without empty values.
 * @param {Query} query
 * @returns {URLSearchParams}
 */
export function cleaned(query) {
  const pairs = query instanceof URLSearchParams ? [...query] : Object.entries(query);
  const kept = new URLSearchParams();
  for (const [name, value] of pairs) {
    if (value !== null && value !== undefined && value !== '') kept.append(name, String(value));
  }
  return kept;
}

/**
 * Quotes a text as one word of sh.
 * @param {string} text
 * @returns {string}
 */
export function quote(text) {
  // sh cannot pass NUL, and a line break could run a part of a command that is pasted.
  return `'${text.replace(/[\0\r\n]/g, ' ').replace(/'/g, "'\\''")}'`;
}

/**
 * @param {string} base
 * @param {string} address
 */
function urlWord(base, address) {
  if (base) return quote(base + address);
  return PLAIN.test(address) ? `"$MAILQUEUE_URL${address}"` : `"$MAILQUEUE_URL"${quote(address)}`;
}

/** @param {unknown} body */
function json(body) {
  const escaped = (/** @type {string} */ found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(body).replace(INVISIBLE, escaped);
}
