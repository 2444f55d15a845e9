// The jobs of a queue: purges, restores and retries, each with its progress until it is done.
//
// The API has no list of jobs. So the address bar keeps the ids, and a reload of the page shows the jobs again.

import { h, replace } from '../kit/dom.js';
import { problem } from '../kit/problem.js';
import { progress } from '../kit/progress.js';

/** @typedef {import('../kit/router.js').Context} Context */

/** Seconds between two readings of a job. */
const EVERY = 2;

/**
 * @param {Context} context
 * @param {string} path  The path of the queue.
 * @param {URLSearchParams} query  `job` has the ids of jobs.
 */
export function jobs({ api, live, signal }, path, query) {
  /** @type {string[]} */
  const ids = [];
  const list = h('div', { class: 'jobs' });
  const element = h('section', { class: 'card', hidden: true }, h('h2', {}, 'Jobs'), list);

  /** @param {string} label @param {string} id */
  function add(label, id) {
    if (ids.includes(id)) return;
    ids.push(id);
    const row = h('div', {}, label);
    list.prepend(row);
    element.hidden = false;
    watch(label, id, row);
  }

  /** @param {string} label @param {string} id @param {HTMLElement} row */
  function watch(label, id, row) {
    const over = new AbortController();
    live(AbortSignal.any([signal, over.signal]), EVERY, async () => {
      try {
        const job = await api.get(`${path}/jobs/${encodeURIComponent(id)}`, undefined, { signal });
        replace(row, progress({ done: job.done, label: `${label}: ${job.emails} emails` }));
        if (job.done) over.abort();
      } catch (error) {
        if (signal.aborted) return;
        replace(
          row,
          problem(error, () => watch(label, id, row)),
        );
        if (error instanceof Error && 'shown' in error) error.shown = true;
        over.abort();
      }
    });
  }

  for (const id of query.getAll('job')) add('Job', id);

  return {
    element,
    add,
    /** The query that shows the same jobs again. */
    query() {
      return new URLSearchParams(ids.map((id) => ['job', id]));
    },
  };
}
