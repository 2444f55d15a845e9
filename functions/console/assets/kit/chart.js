// A line chart, with its numbers as a table.
//
// uPlot gets numbers only. Labels and the legend are ours, so that no text of others reaches the library.

import { h, replace } from './dom.js';
import { number } from './format.js';
import { time } from './time.js';

/** @typedef {'good' | 'bad' | 'warn' | 'muted' | 'accent'} Tone */
/** @typedef {{label: string, values: (number | null)[], tone?: Tone}} Series */
/** @typedef {{destroy: () => void, setSize: (size: {width: number, height: number}) => void}} Plot */

const DARK = matchMedia('(prefers-color-scheme: dark)');
/** Dash patterns, because a tone alone does not tell the lines apart. */
const DASHES = [[], [6, 4], [2, 3], [10, 4, 2, 4]];

/** @type {Promise<any> | undefined} */
let library;

/**
 * Creates a line chart over time.
 * @param {{title: string, x: number[], series: Series[], height?: number}} options `x` has Unix seconds.
 * @returns {HTMLElement}
 */
export function lineChart({ title, x, series, height = 220 }) {
  const place = h('div', { class: 'chart-plot', 'aria-hidden': 'true' });
  place.style.minHeight = `${height}px`;
  const element = h(
    'figure',
    { class: 'chart' },
    h('figcaption', {}, title),
    h(
      'ul',
      { class: 'legend' },
      series.map((one, index) => legendItem(one, index)),
    ),
    place,
    numbers(title, x, series),
  );
  void keepDrawn(element, place, { x, series, height });
  return element;
}

/**
 * Draws the plot, and draws it again on a change of size or theme, until the chart has left the page.
 * @param {HTMLElement} element
 * @param {HTMLElement} place
 * @param {{x: number[], series: Series[], height: number}} data
 */
async function keepDrawn(element, place, data) {
  library ??= load();
  let uPlot;
  try {
    uPlot = await library;
  } catch {
    library = undefined;
    replace(place, h('p', { class: 'muted' }, 'The chart cannot be drawn. Its numbers are below.'));
    return;
  }
  /** @type {Plot | null} */
  let plot = null;
  let wasShown = false;
  const draw = () => {
    plot?.destroy();
    plot = new uPlot(optionsOf(place, data), [data.x, ...data.series.map((one) => one.values)], place);
  };
  const resized = new ResizeObserver(() => {
    if (!element.isConnected) {
      if (wasShown) end();
      return;
    }
    wasShown = true;
    const width = Math.floor(place.clientWidth);
    if (width === 0) return;
    if (plot) plot.setSize({ width, height: data.height });
    else draw();
  });
  const end = () => {
    resized.disconnect();
    DARK.removeEventListener('change', draw);
    plot?.destroy();
  };
  DARK.addEventListener('change', draw);
  resized.observe(place);
}

/** Loads the library and its styles when the first chart needs them. */
async function load() {
  const [{ default: uPlot }] = await Promise.all([import('../vendor/uplot/uPlot.min.js'), loadStyles()]);
  return uPlot;
}

/** @returns {Promise<void>} It rejects if the file does not load. */
function loadStyles() {
  const href = new URL('../vendor/uplot/uPlot.min.css', import.meta.url).href;
  return new Promise((resolve, reject) => {
    const failed = () => {
      link.remove();
      reject(href);
    };
    const link = h('link', { rel: 'stylesheet', href, on: { load: () => resolve(), error: failed } });
    document.head.append(link);
  });
}

/**
 * @param {HTMLElement} place
 * @param {{series: Series[], height: number}} data
 */
function optionsOf(place, { series, height }) {
  const style = getComputedStyle(place);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  const axis = {
    stroke: colour('text-muted'),
    grid: { stroke: colour('line'), width: 1 },
    ticks: { stroke: colour('line'), width: 1 },
  };
  return {
    width: Math.max(Math.floor(place.clientWidth), 200),
    height,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: rangeFromZero } },
    axes: [
      { ...axis, values: timeLabels },
      { ...axis, values: labels },
    ],
    series: [
      {},
      ...series.map((one, index) => ({
        stroke: colour(one.tone ?? 'accent'),
        width: 2,
        dash: DASHES[index % DASHES.length],
        points: { show: false },
      })),
    ],
  };
}

/**
 * Returns the range of the vertical axis: from zero, so that heights compare, and with some room above.
 * @param {unknown} _plot
 * @param {number} _low
 * @param {number} high
 */
function rangeFromZero(_plot, _low, high) {
  return [0, high * 1.1 || 1];
}

/**
 * @param {unknown} _plot
 * @param {(number | null)[]} ticks
 */
function labels(_plot, ticks) {
  return ticks.map((tick) => (tick === null ? '' : number(tick)));
}

/**
 * Returns the labels of the time axis: the day for the first tick and at midnight, else the time.
 * @param {unknown} _plot
 * @param {(number | null)[]} ticks
 */
function timeLabels(_plot, ticks) {
  return ticks.map((tick, index) => {
    if (tick === null) return '';
    const date = new Date(tick * 1000);
    const isMidnight = date.getHours() === 0 && date.getMinutes() === 0;
    return index === 0 || isMidnight
      ? date.toLocaleDateString(undefined, { day: 'numeric', month: 'short' })
      : date.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });
  });
}

/**
 * @param {Series} series
 * @param {number} index
 */
function legendItem({ label, tone = 'accent' }, index) {
  const line = h('span', { class: `line line-${tone} line-${index % DASHES.length}`, 'aria-hidden': 'true' });
  return h('li', {}, line, label);
}

/**
 * @param {string} title
 * @param {number[]} x
 * @param {Series[]} series
 */
function numbers(title, x, series) {
  const row = (/** @type {number} */ at, /** @type {number} */ index) =>
    h(
      'tr',
      {},
      h('th', { scope: 'row' }, time(new Date(at * 1000).toISOString())),
      series.map((one) => h('td', { class: 'number' }, number(one.values[index]))),
    );
  const body = h('tbody');
  const table = h(
    'table',
    { class: 'plain' },
    h('caption', { class: 'sr-only' }, title),
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        h('th', { scope: 'col' }, 'Time'),
        series.map((one) => h('th', { scope: 'col', class: 'number' }, one.label)),
      ),
    ),
    body,
  );
  // Rows are made when they are wanted, because most readers look only at the line.
  const fill = () => {
    if (!body.firstChild) replace(body, x.map(row));
  };
  return h(
    'details',
    { data: { key: `numbers:${title}` }, on: { toggle: fill } },
    h('summary', {}, 'Show the numbers'),
    h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `Numbers: ${title}` }, table),
  );
}
