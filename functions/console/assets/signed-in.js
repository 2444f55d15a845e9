// The pages of a signed-in person: the frame around them, and the choice of the page by the address.

import { useApi } from './kit/action.js';
import { replace } from './kit/dom.js';
import { live } from './kit/live.js';
import { start as startRouter } from './kit/router.js';
import { toast } from './kit/toast.js';
import { find } from './routes.js';
import { createShell } from './shell.js';

/** @typedef {{close: () => void}} Pages */

/**
 * Shows the page of the address in `root`, and follows the address until `close`.
 * @param {{api: import('./kit/api.js').Api, session: import('./kit/session.js').Session, root: HTMLElement}} context
 * @returns {Pages}
 */
export function openPages({ api, session, root }) {
  useApi(api);
  const shell = createShell({ session, api, onTenant: () => void router.refresh() });
  replace(root, shell.element);
  const router = startRouter(find, shell.outlet, { api, session, live }, ({ path }) =>
    shell.setCurrent(path[0] ?? 'now'),
  );
  return { close: () => router.stop() };
}

addEventListener('unhandledrejection', (event) => {
  if (event.reason instanceof Error && event.reason.name === 'AbortError') return;
  toast(event.reason instanceof Error ? event.reason.message : String(event.reason), { kind: 'bad' });
});
