// The session: the API key, its account, and the actions that the key permits.
//
// Invariant: the key is in memory and in sessionStorage under `mailqueue.key`, and nowhere else.

const KEY = 'mailqueue.key';
const TENANT = 'mailqueue.tenant';

/**
 * - `read_content`: content, recipients, attachments, suppressions and usage of a tenant.
 * - `operate`: cancel an email; pause, resume and purge a queue. The deployer's key may do this for a tenant.
 * - `command`: every other change of emails and queues: retry, reschedule, erase, create, restore, delete.
 * - `send`: send an email.
 * - `keys`: list, create and revoke API keys.
 * - `tenants`: list, create and change tenants.
 * - `webhooks`: see and change webhooks.
 * - `register_domain`: register a domain. The deployer's key may do this for a tenant.
 * - `domains`: change, verify and delete a domain.
 * - `suppressions`: add and remove suppressions.
 * - `account`: see the figures of the account at Amazon SES.
 * @typedef {'read_content' | 'operate' | 'command' | 'send' | 'keys' | 'tenants' | 'webhooks' | 'register_domain'
 *   | 'domains' | 'suppressions' | 'account'} Action
 */

/** @typedef {typeof session} Session */
/** @typedef {{get: Function, post: Function}} Caller */

/** @type {Caller} */
let api;
/** @type {(reason: string) => void} */
let ended = () => {};

export const session = {
  /** @type {string | null} */
  key: null,
  /** @type {any} Answer of `GET /account`, or null before the sign-in. */
  account: null,
  /** @type {string | null} The tenant that the deployer acts for; null with a tenant's key. */
  tenant: null,

  /** Whether the key is the deployer's. */
  get isDeployer() {
    return permission() === 'deployer';
  },

  /**
   * Whether the key may do an action. The server decides; this only keeps the page from offering what it refuses.
   * @param {Action} action
   * @returns {boolean}
   */
  may(action) {
    const narrowed = Boolean(this.account?.key?.from_domains?.length);
    switch (permission()) {
      case 'deployer':
        return ['operate', 'keys', 'tenants', 'register_domain', 'account'].includes(action);
      case 'full_access':
        // A key that is limited to From domains sees no webhooks.
        return action !== 'tenants' && action !== 'account' && !(action === 'webhooks' && narrowed);
      case 'read_access':
        return action === 'read_content';
      case 'sending_access':
        return action === 'send';
      default:
        return false;
    }
  },
};

/** Whether this tab has a key, or its address a one-time code. The API may refuse both. */
export function isExpected() {
  return location.hash.startsWith('#code=') || stored(KEY) !== null;
}

/**
 * Starts the session: exchanges the one-time code of the address, or takes the key of this tab.
 * @param {Caller} given
 * @param {(reason: string) => void} onEnd Called when the session ends, with the reason or an empty text.
 * @returns {Promise<boolean>} Whether a key is signed in.
 */
export async function start(given, onEnd) {
  api = given;
  ended = onEnd;
  const code = /^#code=([^&]+)/.exec(location.hash)?.[1];
  if (code === undefined) {
    const key = stored(KEY);
    return key !== null && signIn(key);
  }
  // First of all, so that the code stays in no history even if the exchange fails.
  history.replaceState(null, '', `${location.pathname}#/now`);
  store(KEY, null);
  const answer = await api.post('/console-codes/exchange', { code: decoded(code) });
  return signIn(answer.token);
}

/**
 * Signs in with a key. Without success the session has no key.
 * @param {string} key
 * @returns {Promise<boolean>} True; it throws the ApiError of a key that the API refuses.
 */
export async function signIn(key) {
  session.key = key;
  session.tenant = null;
  session.account = null;
  try {
    session.account = await api.get('/account');
  } catch (error) {
    session.key = null;
    throw error;
  }
  store(KEY, key);
  if (session.isDeployer) session.tenant = stored(TENANT) ?? 'main';
  return true;
}

/**
 * Ends the session, and forgets the key.
 * @param {string} [reason] The sign-in page shows it.
 */
export function signOut(reason = '') {
  session.key = null;
  session.account = null;
  session.tenant = null;
  store(KEY, null);
  store(TENANT, null);
  ended(reason);
}

/**
 * Chooses the tenant that the deployer acts for.
 * @param {string} tenant
 */
export function chooseTenant(tenant) {
  session.tenant = tenant;
  store(TENANT, tenant);
}

function permission() {
  return session.account?.key?.permission ?? null;
}

/** @param {string} code */
function decoded(code) {
  try {
    return decodeURIComponent(code);
  } catch {
    return code;
  }
}

/** @param {string} name */
function stored(name) {
  try {
    return sessionStorage.getItem(name);
  } catch {
    // A browser may refuse storage. The session then lasts until the page is left.
    return null;
  }
}

/**
 * @param {string} name
 * @param {string | null} value
 */
function store(name, value) {
  try {
    if (value === null) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, value);
  } catch {
    // As above: the key is in memory.
  }
}
