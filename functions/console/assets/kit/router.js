// Maps the fragment of the address to a page, and renders it.

import { cleaned } from './curl.js';
import { h, replace } from './dom.js';
import { problem } from './problem.js';
import { clearStatus } from './status.js';

/** @typedef {{path: string[], query: URLSearchParams}} Route */

/**
 * What a page is given. `signal` ends when the page is left: pass it to `api.get` and to `live`.
 * @typedef {{
 *   api: import('./api.js').Api,
 *   session: import('./session.js').Session,
 *   route: Route,
 *   live: typeof import('./live.js').live,
 *   outlet: HTMLElement,
 *   signal: AbortSignal,
 * }} Context
 */

/**
 * A module of `pages/`. The router adds a first-level heading with the title if the page has none.
 * @typedef {{
 *   title: string | ((route: Route) => string),
 *   render: (context: Context) => Promise<HTMLElement | DocumentFragment> | HTMLElement | DocumentFragment,
 * }} Page
 */

/** @typedef {(path: string[]) => (() => Promise<Page>) | null} Find */
/** @typedef {Pick<Context, 'api' | 'session' | 'live'>} Shared */

/** Delay before the page says that it is loading; shorter waits would flicker. */
const LOADING_AFTER_MS = 300;

/**
 * Splits a fragment into its decoded path and its query.
 * @param {string} hash
 * @returns {Route}
 */
export function parse(hash) {
  const address = hash.replace(/^#/, '');
  const mark = address.indexOf('?');
  const path = mark < 0 ? address : address.slice(0, mark);
  const query = mark < 0 ? '' : address.slice(mark + 1);
  return { path: path.split('/').filter(Boolean).map(decoded), query: new URLSearchParams(query) };
}

/**
 * Returns the fragment of a path and a query.
 * @param {string | string[]} path A list is encoded; a text is encoded already, such as `/emails`.
 * @param {import('./curl.js').Query} [query]
 * @returns {string}
 */
export function address(path, query = {}) {
  const segments = Array.isArray(path) ? path.map(encodeURIComponent).join('/') : path.replace(/^#?\/?/, '');
  const text = cleaned(query).toString();
  return `#/${segments}${text && `?${text}`}`;
}

/**
 * Opens a page.
 * @param {string | string[]} path
 * @param {import('./curl.js').Query} [query]
 */
export function go(path, query) {
  location.hash = address(path, query);
}

/**
 * Writes a query into the address bar. The page stays, and the history gets no entry.
 * @param {import('./curl.js').Query} query
 */
export function setQuery(query) {
  history.replaceState(null, '', address(parse(location.hash).path, query));
}

/**
 * Renders the page of the address now and whenever the address changes.
 * @param {Find} find
 * @param {HTMLElement} outlet
 * @param {Shared} shared
 * @param {(route: Route) => void} [onNavigate]
 * @returns {{stop: () => void, refresh: () => Promise<void>}}
 */
export function start(find, outlet, shared, onNavigate = () => {}) {
  let left = new AbortController();
  /** @param {boolean} moveFocus */
  const show = async (moveFocus) => {
    left.abort();
    left = new AbortController();
    const route = parse(location.hash);
    clearStatus();
    onNavigate(route);
    await render(find, outlet, { ...shared, route, outlet, signal: left.signal }, moveFocus);
  };
  const changed = () => void show(true);
  addEventListener('hashchange', changed);
  void show(false);
  return {
    stop() {
      left.abort();
      removeEventListener('hashchange', changed);
    },
    refresh: () => show(false),
  };
}

/**
 * @param {Find} find
 * @param {HTMLElement} outlet
 * @param {Context} context
 * @param {boolean} moveFocus
 */
async function render(find, outlet, context, moveFocus) {
  const { route, signal } = context;
  const loading = setTimeout(() => outlet.setAttribute('aria-busy', 'true'), LOADING_AFTER_MS);
  let title = 'Not loaded';
  /** @type {HTMLElement | DocumentFragment} */
  let content;
  /** @type {() => unknown} */
  let retry = () => render(find, outlet, context, true);
  try {
    const page = await loaded(find(route.path) ?? notFound).catch((error) => {
      retry = () => location.reload();
      throw error;
    });
    title = typeof page.title === 'function' ? page.title(route) : page.title;
    content = await page.render(context);
  } catch (error) {
    if (signal.aborted) return;
    content = problem(error, () => void retry());
  } finally {
    clearTimeout(loading);
  }
  if (signal.aborted) return;
  outlet.removeAttribute('aria-busy');
  replace(outlet, content);
  document.title = `${title} · mailqueue`;
  const heading = headingOf(outlet, title);
  if (!moveFocus) return;
  scrollTo(0, 0);
  heading.focus({ preventScroll: true });
}

/**
 * Loads the module of a page. An update of the deployment removes the files of an open console.
 * @param {() => Promise<Page>} load
 */
async function loaded(load) {
  try {
    return await load();
  } catch {
    throw new Error('The page did not load. The connection may be down, or mailqueue may have been updated.');
  }
}

/** @returns {Promise<Page>} */
async function notFound() {
  return {
    title: 'Not found',
    render: () => h('p', {}, 'This page does not exist. Choose one of the navigation.'),
  };
}

/**
 * Returns the first-level heading of a page, which takes the focus after a navigation.
 * @param {HTMLElement} outlet
 * @param {string} title
 */
function headingOf(outlet, title) {
  let heading = outlet.querySelector('h1');
  if (!heading) {
    heading = h('h1', {}, title);
    outlet.prepend(heading);
  }
  heading.setAttribute('tabindex', '-1');
  return heading;
}

/** @param {string} segment */
function decoded(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
