// The pages by their paths. Each is loaded when it is opened, so that the first paint stays fast.

/** @typedef {import('./kit/router.js').Page} Page */
/** @typedef {import('./kit/session.js').Action} Action */

/**
 * `needs` is the action without which the navigation leaves the page out.
 * @typedef {{
 *   path: string,
 *   label: string,
 *   needs?: Action,
 *   list: () => Promise<Page>,
 *   detail?: () => Promise<Page>,
 * }} Entry
 */

/** @type {Entry[]} */
export const ENTRIES = [
  { path: 'now', label: 'Now', list: () => import('./pages/now.js') },
  {
    path: 'emails',
    label: 'Emails',
    list: () => import('./pages/emails.js'),
    detail: () => import('./pages/email.js'),
  },
  { path: 'failures', label: 'Failures', list: () => import('./pages/failures.js') },
  {
    path: 'queues',
    label: 'Queues',
    list: () => import('./pages/queues.js'),
    detail: () => import('./pages/queue.js'),
  },
  {
    path: 'suppressions',
    label: 'Suppressions',
    needs: 'read_content',
    list: () => import('./pages/suppressions.js'),
  },
  {
    path: 'domains',
    label: 'Domains',
    list: () => import('./pages/domains.js'),
    detail: () => import('./pages/domain.js'),
  },
  {
    path: 'webhooks',
    label: 'Webhooks',
    needs: 'webhooks',
    list: () => import('./pages/webhooks.js'),
    detail: () => import('./pages/webhook.js'),
  },
  { path: 'keys', label: 'Keys', needs: 'keys', list: () => import('./pages/keys.js') },
  { path: 'tenants', label: 'Tenants', needs: 'tenants', list: () => import('./pages/tenants.js') },
  { path: 'account', label: 'Account', list: () => import('./pages/account.js') },
];

/**
 * Returns the loader of a path's page, or null.
 * @param {string[]} path
 * @returns {(() => Promise<Page>) | null}
 */
export function find(path) {
  const [first = 'now', second, ...more] = path;
  const entry = ENTRIES.find((candidate) => candidate.path === first);
  if (!entry || more.length > 0) return null;
  return (second === undefined ? entry.list : entry.detail) ?? null;
}
