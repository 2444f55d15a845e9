// Repeats work while its page is open and visible.

import { setStatus, showStatusProblem } from './status.js';

/** Longest wait between two runs after errors. */
export const LONGEST_WAIT_SECONDS = 300;

/**
 * Runs work at once, and then every `seconds` until the signal ends.
 *
 * It stops while the tab is hidden, and runs at once when the tab is visible again. Errors double the wait, up to five
 * minutes; a 429 waits at least as long as the API says. A line at the end of the page tells the state.
 * @param {AbortSignal} signal
 * @param {number} seconds
 * @param {() => Promise<unknown> | unknown} work It throws the ApiError of a failed request.
 * @returns {{refresh: () => void}} `refresh` runs the work now, for example after a change.
 */
export function live(signal, seconds, work) {
  let wait = seconds;
  /** Earliest time of the next run, after a 429. */
  let notBefore = 0;
  let isRunning = false;
  let isAskedAgain = false;
  let hasSucceeded = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  async function run() {
    clearTimeout(timer);
    if (signal.aborted) return;
    if (isRunning) {
      isAskedAgain = true;
      return;
    }
    isRunning = true;
    isAskedAgain = false;
    try {
      await work();
      if (signal.aborted) return;
      hasSucceeded = true;
      wait = seconds;
      notBefore = 0;
      setStatus(`Updated ${clock()}`);
    } catch (error) {
      if (signal.aborted) return;
      slowDown(error);
    } finally {
      isRunning = false;
    }
    schedule();
  }

  function schedule() {
    if (signal.aborted || document.hidden) return;
    clearTimeout(timer);
    const delay = isAskedAgain && notBefore === 0 ? 0 : Math.max(wait * 1000, notBefore - Date.now());
    timer = setTimeout(run, delay);
  }

  /** @param {unknown} error */
  function slowDown(error) {
    const { wait: longer, isLimited } = nextWait(error, wait);
    wait = longer;
    if (isLimited) notBefore = Date.now() + wait * 1000;
    const isShown = error instanceof Error && 'shown' in error && error.shown;
    if (!hasSucceeded && !isLimited && !isShown) return showStatusProblem(error, () => void run());
    const seconds = Math.round(wait);
    setStatus(
      isLimited
        ? `Slowed down: too many requests. The next update is in ${seconds} s.`
        : `Not updated at ${clock()}. The next attempt is in ${seconds} s.`,
    );
  }

  function visibilityChanged() {
    clearTimeout(timer);
    if (document.hidden) return;
    if (notBefore > Date.now()) schedule();
    else void run();
  }

  document.addEventListener('visibilitychange', visibilityChanged);
  signal.addEventListener('abort', () => {
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', visibilityChanged);
  });
  // A page that is opened in a hidden tab loads once, so that it is complete when the reader comes.
  void run();
  return { refresh: () => void run() };
}

/**
 * Returns the wait after an error, in seconds.
 * @param {unknown} error
 * @param {number} wait The wait before it.
 * @returns {{wait: number, isLimited: boolean}}
 */
export function nextWait(error, wait) {
  const isLimited = error instanceof Error && 'status' in error && error.status === 429;
  const retryAfter = error instanceof Error && 'retryAfter' in error ? Number(error.retryAfter ?? 0) : 0;
  const doubled = Math.min(wait * 2, LONGEST_WAIT_SECONDS);
  return { wait: Math.max(doubled, retryAfter), isLimited };
}

function clock() {
  return new Date().toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
}
