// The console: signs in, then shows the pages.
//
// Start reading at `begin`. The API and the key are in kit/api.js and kit/session.js, the pages in routes.js.

import { useApi } from './kit/action.js';
import { createApi } from './kit/api.js';
import { h, replace } from './kit/dom.js';
import { live } from './kit/live.js';
import { start as startRouter } from './kit/router.js';
import { session, signOut, start as startSession } from './kit/session.js';
import { toast } from './kit/toast.js';
import { find } from './routes.js';
import { createShell } from './shell.js';
import { signInPage, signInProblem } from './sign-in.js';

const CODE_REFUSED =
  'The one-time code is used already, or older than 60 seconds. ' + 'Run make console again, or paste an API key.';

const api = createApi({
  session,
  onUnauthorized(error) {
    // During a sign-in there is no account yet, and the sign-in page shows the error itself.
    if (session.account) signOut(`You are signed out. ${signInProblem(error)}`);
  },
});
useApi(api);

/** @type {ReturnType<typeof startRouter> | null} */
let router = null;

async function begin() {
  const byCode = location.hash.startsWith('#code=');
  router?.stop();
  router = null;
  try {
    if (await startSession(api, (reason) => showSignIn(reason))) showPages();
    else showSignIn('');
  } catch (error) {
    const isRefusedCode = byCode && error instanceof Error && 'status' in error && error.status === 404;
    showSignIn(isRefusedCode ? CODE_REFUSED : signInProblem(error));
  }
}

function showPages() {
  const shell = createShell({ session, api, onTenant: () => void router?.refresh() });
  replace(root(), shell.element);
  router = startRouter(find, shell.outlet, { api, session, live }, ({ path }) => shell.setCurrent(path[0] ?? 'now'));
}

/** @param {string} reason The address stays, so that the same page opens after the sign-in. */
function showSignIn(reason) {
  router?.stop();
  router = null;
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

addEventListener('unhandledrejection', (event) => {
  if (event.reason instanceof Error && event.reason.name === 'AbortError') return;
  toast(event.reason instanceof Error ? event.reason.message : String(event.reason), { kind: 'bad' });
});

void begin();
