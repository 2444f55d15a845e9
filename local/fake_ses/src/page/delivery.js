// The state of a message's email at the API. The inbox's server asks the API, so this page needs no key.

import { statusOf } from '../console-kit/kit/badge.js';
import { external, h, replace } from '../console-kit/kit/dom.js';
import { recipients } from '../console-kit/parts/recipients.js';
import { timeline } from '../console-kit/parts/timeline.js';

/** Time between two looks at the state of the open message's email. */
const REFRESH_MS = 5000;

/**
 * Returns two places for the state of an email: a line and a panel. Both follow the state until `signal` ends.
 * @param {string} id
 * @param {AbortSignal} signal
 */
export function delivery(id, signal) {
  const line = h('span', {}, h('span', { class: 'muted' }, 'Asking the API …'));
  const panel = h('div', { class: 'delivery' }, h('p', { class: 'none' }, 'Asking the API …'));
  let last = '';

  async function look() {
    const answer = await fetch(`/messages/${encodeURIComponent(id)}/email`, { signal });
    const state = await answer.text();
    if (state === last) return;
    last = state;
    show(line, panel, JSON.parse(state));
  }

  async function follow() {
    if (signal.aborted) return;
    try {
      if (!document.hidden) await look();
    } catch {
      if (signal.aborted) return;
      last = '';
      show(line, panel, { message: 'The state cannot be loaded; trying again.' });
    }
    setTimeout(follow, REFRESH_MS);
  }

  follow();
  return { line, panel };
}

/**
 * @param {HTMLElement} line
 * @param {HTMLElement} panel
 * @param {any} state
 */
function show(line, panel, state) {
  const link = state.console ? [' ', external('Open in the console', state.console)] : [];
  if (!state.email) {
    replace(line, h('span', { class: 'muted' }, state.message), link);
    replace(panel, h('p', { class: 'none' }, state.message));
    return;
  }
  const { email, events } = state;
  replace(line, statusOf(email), link);
  replace(
    panel,
    email.advice ? h('p', {}, email.advice) : null,
    h('h3', {}, 'Recipients'),
    recipients(email.recipients ?? []),
    h('h3', {}, 'Timeline'),
    timeline(events),
    state.events_complete === false ? h('p', { class: 'muted' }, 'Older events are not shown.') : null,
  );
}
