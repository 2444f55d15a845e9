// The console: signs in, then shows the pages.
//
// Start reading at `begin`. The API and the key are in kit/api.js and kit/session.js, the pages in signed-in.js.
// The sign-in page does not wait for signed-in.js, so it is there at once.

import { createApi } from './kit/api.js';
import { h, replace } from './kit/dom.js';
import { isExpected, session, signOut, start as startSession } from './kit/session.js';
import { signInPage, signInProblem } from './sign-in.js';

const CODE_REFUSED =
  'The one-time code is used already, or older than 60 seconds. ' + 'Run make console again, or paste an API key.';

const NOT_LOADED =
  'The pages did not load. The connection may be down, or mailqueue may have been updated. Load this page again.';

const api = createApi({
  session,
  onUnauthorized(error) {
    // During a sign-in there is no account yet, and the sign-in page shows the error itself.
    if (session.account) signOut(`You are signed out. ${signInProblem(error)}`);
  },
});

/** @type {import('./signed-in.js').Pages | null} */
let pages = null;

async function begin() {
  const byCode = location.hash.startsWith('#code=');
  closePages();
  // The pages load while the API answers.
  if (isExpected()) loadPages().catch(() => undefined);
  try {
    if (await startSession(api, (reason) => showSignIn(reason))) await showPages();
    else showSignIn('');
  } catch (error) {
    const isRefusedCode = byCode && error instanceof Error && 'status' in error && error.status === 404;
    showSignIn(isRefusedCode ? CODE_REFUSED : signInProblem(error));
  }
}

async function showPages() {
  const { openPages } = await loadPages();
  // The session may have ended meanwhile, and another one may have begun.
  if (!session.account) return;
  closePages();
  pages = openPages({ api, session, root: root() });
}

async function loadPages() {
  try {
    return await import('./signed-in.js');
  } catch {
    throw new Error(NOT_LOADED);
  }
}

function closePages() {
  pages?.close();
  pages = null;
}

/** @param {string} reason The address stays, so that the same page opens after the sign-in. */
function showSignIn(reason) {
  closePages();
  document.title = 'Sign in · mailqueue';
  for (const dialog of document.querySelectorAll('dialog')) dialog.close();
  replace(root(), signInPage({ reason, onSignedIn: showPages }));
  document.getElementById('api-key')?.focus();
}

function root() {
  let element = document.getElementById('root');
  if (!element) {
    element = h('div', { id: 'root' });
    document.body.append(element);
  }
  return element;
}

// A one-time code may come to an open page, because a browser does not load a page again for a new fragment.
addEventListener('hashchange', (event) => {
  if (!location.hash.startsWith('#code=')) return;
  event.stopImmediatePropagation();
  void begin();
});

void begin();
