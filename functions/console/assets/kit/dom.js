// Creates elements. Every other module uses it, so that text reaches the page only as text nodes.
//
// Invariant: no attribute that runs code, and no address with a scheme other than http, https or blob.

/** @typedef {string | number | Node | null | undefined | false | Child[]} Child */

/**
 * Attributes of an element. `true` becomes an empty attribute; `false`, `null` and `undefined` are left out.
 * @typedef {{
 *   class?: string,
 *   id?: string,
 *   on?: Record<string, (event: any) => void>,
 *   data?: Record<string, string | number | null | undefined>,
 *   [attribute: string]: any,
 * }} Props
 */

const ADDRESSES = new Set(['href', 'src', 'action', 'formaction']);
const REFUSED = /^(on.*|style|srcdoc)$/i;

/**
 * Creates an element.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Props} [props]
 * @param {...Child} children Strings and numbers become text nodes.
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === 'on') {
      for (const [type, listener] of Object.entries(value ?? {})) element.addEventListener(type, listener);
    } else if (name === 'data') {
      for (const [key, text] of Object.entries(value ?? {})) if (text != null) element.dataset[key] = String(text);
    } else {
      setAttribute(element, name, value);
    }
  }
  append(element, children);
  return element;
}

/**
 * Replaces all children. Focus stays on the element with the same `data-key`, and open details stay open.
 * @param {Element | DocumentFragment} element
 * @param {...Child} children
 */
export function replace(element, ...children) {
  const focused =
    document.activeElement instanceof HTMLElement && element.contains(document.activeElement)
      ? document.activeElement.dataset.key
      : undefined;
  const open = new Set();
  for (const details of element.querySelectorAll('details[open][data-key]')) open.add(keyOf(details));
  element.replaceChildren();
  append(element, children);
  for (const details of element.querySelectorAll('details[data-key]')) {
    if (open.has(keyOf(details))) details.setAttribute('open', '');
  }
  if (focused === undefined) return;
  for (const candidate of element.querySelectorAll('[data-key]')) {
    if (keyOf(candidate) === focused && candidate instanceof HTMLElement) candidate.focus({ preventScroll: true });
  }
}

/**
 * Returns a value as text; a missing one is a dash.
 * @param {unknown} value
 * @returns {string}
 */
export function text(value) {
  return value === null || value === undefined || value === '' ? '–' : String(value);
}

/**
 * Creates a link within the console.
 * @param {Child} label
 * @param {string} hash The address, such as `#/queues/default`.
 * @returns {HTMLAnchorElement}
 */
export function link(label, hash) {
  return h('a', { href: hash.startsWith('#') ? hash : `#${hash}` }, label);
}

/**
 * Creates a link to another site. An address that is not http or https becomes plain text.
 * @param {Child} label
 * @param {string} url
 * @returns {HTMLElement}
 */
export function external(label, url) {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) return h('span', {}, label);
  return h('a', { href: url, target: '_blank', rel: 'noopener noreferrer' }, label);
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {unknown} value
 */
function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (REFUSED.test(name)) throw new TypeError(`The attribute ${name} is not allowed.`);
  if (ADDRESSES.has(name.toLowerCase()) && !isSafeAddress(String(value))) return;
  element.setAttribute(name, value === true ? '' : String(value));
}

/** @param {string} address */
function isSafeAddress(address) {
  if (!URL.canParse(address, document.baseURI)) return false;
  return ['http:', 'https:', 'blob:'].includes(new URL(address, document.baseURI).protocol);
}

/**
 * @param {Element | DocumentFragment} parent
 * @param {Child[]} children
 */
function append(parent, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(parent, child);
    else if (child instanceof Node) parent.append(child);
    else if (child !== null && child !== undefined && child !== false) parent.append(String(child));
  }
}

/** @param {Element} element */
function keyOf(element) {
  return element instanceof HTMLElement ? element.dataset.key : undefined;
}
