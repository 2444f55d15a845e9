// A table that pages on the server, and updates its rows in place.

import { h, replace } from './dom.js';
import { problem } from './problem.js';

/**
 * @template Row
 * @typedef {{
 *   title: string,
 *   class?: string,
 *   cell: (row: Row) => import('./dom.js').Child,
 *   narrow?: boolean,
 *   link?: boolean,
 * }} Column `narrow: false` leaves the column out where a row is a card. `link: true` gives the column the link of the
 *   row; by default the first one has it.
 */

/**
 * @template Row
 * @typedef {{rows: Row[], next: string | null}} Rows
 */

/**
 * Creates a table. It loads its first page by itself.
 *
 * A cell that looks the same after an update is kept, with its handlers. A handler of a cell may therefore depend on
 * the key of its row, and on nothing else that changes.
 * @template Row
 * @param {{
 *   columns: Column<Row>[],
 *   load: (cursor: string | null) => Promise<Rows<Row>>,
 *   empty: Node | string,
 *   caption: string,
 *   key: (row: Row) => string,
 *   rowLink?: (row: Row) => string,
 * }} options
 * @returns {{element: HTMLElement, reload: (options?: {first?: boolean}) => Promise<void>}} `reload` loads the page
 *   again, or the first one; it throws the ApiError, so that `live` slows down.
 */
export function table({ columns, load, empty, caption, key, rowLink }) {
  /** @type {(string | null)[]} Cursors of the pages up to the shown one. */
  let cursors = [null];
  /** @type {string | null} */
  let next = null;
  let run = 0;
  /** @type {{cursor: string | null, done: Promise<void>} | null} */
  let loading = null;
  let isLoaded = false;

  const body = h('tbody', { role: 'rowgroup', on: { click: openRow } });
  const head = h(
    'tr',
    { role: 'row' },
    columns.map((column) =>
      h(
        'th',
        {
          role: 'columnheader',
          scope: 'col',
          class: classOf(column),
        },
        column.title,
      ),
    ),
  );
  const grid = h(
    'table',
    { role: 'table', hidden: true },
    h('caption', { class: 'sr-only' }, caption),
    h('thead', { role: 'rowgroup' }, head),
    body,
  );
  const note = h('div', { class: 'table-note' });
  const previous = h('button', { type: 'button', class: 'button', on: { click: () => turn(-1) } }, 'Previous');
  const following = h('button', { type: 'button', class: 'button', on: { click: () => turn(1) } }, 'Next');
  const place = h('span', { class: 'muted', role: 'status' });
  const pager = h('div', { class: 'pager', hidden: true }, previous, place, following);
  const element = h('div', { class: 'table' }, grid, note, pager);

  /** @param {{first?: boolean}} [options] */
  function reload({ first = false } = {}) {
    if (first) cursors = [null];
    const cursor = cursors[cursors.length - 1];
    // Filters may have changed before a reload of the first page, so it never joins an earlier request.
    if (loading && loading.cursor === cursor && !first) return loading.done;
    const done = fetchPage(cursor, ++run);
    const mine = { cursor, done };
    loading = mine;
    return done.finally(() => {
      if (loading === mine) loading = null;
    });
  }

  /**
   * @param {string | null} cursor
   * @param {number} mine
   */
  async function fetchPage(cursor, mine) {
    element.setAttribute('aria-busy', 'true');
    try {
      const page = await load(cursor);
      // A later request replaced this one.
      if (mine === run) show(page);
    } catch (error) {
      if (mine === run) showProblem(error);
      throw error;
    } finally {
      if (mine === run) element.removeAttribute('aria-busy');
    }
  }

  /** @param {Rows<Row>} page */
  function show(page) {
    isLoaded = true;
    next = page.next;
    updateRows(body, page.rows, key, (row) => cellsOf(row, columns, rowLink), rowLink);
    grid.hidden = page.rows.length === 0;
    if (page.rows.length > 0) replace(note);
    else if (cursors.length > 1 || next) replace(note, h('p', { class: 'muted' }, 'This page has no rows.'));
    else if (!note.firstChild || note.dataset.shows !== 'empty') replace(note, empty);
    note.dataset.shows = page.rows.length > 0 ? 'nothing' : 'empty';
    pager.hidden = cursors.length === 1 && next === null;
    const wasFocused = document.activeElement;
    previous.disabled = cursors.length === 1;
    following.disabled = next === null;
    place.textContent = `Page ${cursors.length}`;
    // A disabled button loses the focus; it goes to the other button.
    if (wasFocused === following && following.disabled) previous.focus();
    if (wasFocused === previous && previous.disabled) following.focus();
  }

  /** @param {unknown} error */
  function showProblem(error) {
    // Rows that are shown stay: an old figure with a warning is more useful than none.
    if (isLoaded || isAbort(error)) return;
    note.dataset.shows = 'problem';
    replace(
      note,
      problem(error, () => quietly(reload())),
    );
    if (error instanceof Error && 'shown' in error) error.shown = true;
  }

  /** @param {1 | -1} step */
  function turn(step) {
    if (step === 1 && next !== null) cursors.push(next);
    else if (step === -1 && cursors.length > 1) cursors.pop();
    else return;
    isLoaded = false;
    quietly(reload());
  }

  queueMicrotask(() => {
    if (run === 0) quietly(reload());
  });
  return { element, reload };
}

/**
 * Shows rows in a body: rows stay in place by their key, and only cells that differ are replaced.
 * @template Row
 * @param {HTMLElement} body
 * @param {Row[]} rows
 * @param {(row: Row) => string} key
 * @param {(row: Row) => HTMLElement[]} cells
 * @param {(row: Row) => string} [opens] The address that a click on the row opens.
 */
export function updateRows(body, rows, key, cells, opens) {
  /** @type {Map<string, HTMLElement>} */
  const shown = new Map();
  for (const row of body.children) {
    if (row instanceof HTMLElement) shown.set(row.dataset.row ?? '', row);
  }
  const wanted = new Set(rows.map(key));
  for (const [name, row] of shown) if (!wanted.has(name)) row.remove();
  let place = body.firstElementChild;
  for (const row of rows) {
    const name = key(row);
    const element = shown.get(name) ?? h('tr', { role: 'row', data: { row: name } });
    if (opens) element.dataset.opens = opens(row);
    updateCells(element, cells(row));
    if (element === place) place = place.nextElementSibling;
    else body.insertBefore(element, place);
  }
}

/**
 * @param {HTMLElement} row
 * @param {HTMLElement[]} cells
 */
function updateCells(row, cells) {
  if (row.children.length !== cells.length) {
    row.replaceChildren(...cells);
    return;
  }
  cells.forEach((cell, index) => {
    const old = row.children[index];
    if (!(old instanceof HTMLElement) || old.isEqualNode(cell) || old.querySelector('details[open]')) return;
    const focused = focusIndex(old);
    old.replaceWith(cell);
    if (focused >= 0) focusable(cell)[focused]?.focus({ preventScroll: true });
  });
}

/**
 * @template Row
 * @param {Row} row
 * @param {Column<Row>[]} columns
 * @param {((row: Row) => string) | undefined} rowLink
 */
function cellsOf(row, columns, rowLink) {
  const linked = Math.max(
    0,
    columns.findIndex(({ link }) => link),
  );
  return columns.map((column, index) => {
    const cell = h('td', { role: 'cell', class: classOf(column), data: { title: column.title } }, column.cell(row));
    if (index !== linked || !rowLink || cell.querySelector('a')) return cell;
    const anchor = h('a', { class: 'row-link', href: rowLink(row) });
    anchor.append(...cell.childNodes);
    cell.append(anchor);
    return cell;
  });
}

/**
 * Opens the page of a row that is clicked beside its link. Its other controls, and selected text, stay usable.
 * @param {MouseEvent} event
 */
function openRow({ target }) {
  if (!(target instanceof Element) || target.closest('a, button, input, select, textarea, summary, label, pre')) return;
  const row = target.closest('tr');
  if (!row?.dataset.opens || String(getSelection()) !== '') return;
  location.hash = row.dataset.opens;
}

/** @param {{class?: string, narrow?: boolean}} column */
function classOf(column) {
  return [column.class, column.narrow === false && 'wide-only'].filter(Boolean).join(' ') || undefined;
}

/** @param {Element} element @returns {HTMLElement[]} */
function focusable(element) {
  return [...element.querySelectorAll('a[href], button, input, select, summary')].filter(
    (found) => found instanceof HTMLElement,
  );
}

/** @param {Element} element */
function focusIndex(element) {
  const focused = document.activeElement;
  return focused instanceof HTMLElement ? focusable(element).indexOf(focused) : -1;
}

/** @param {unknown} error */
function isAbort(error) {
  return error instanceof Error && error.name === 'AbortError';
}

/** @param {Promise<unknown>} work Work that shows its own problems. */
function quietly(work) {
  work.catch(() => {});
}
