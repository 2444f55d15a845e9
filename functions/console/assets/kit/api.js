// Calls the API, and turns every failure into an ApiError.
//
// Invariant: the key travels only in the header Authorization, never in an address.

import { cleaned, queryText } from './curl.js';

export { curl } from './curl.js';

/** @typedef {import('./curl.js').Call} Call */
/** @typedef {import('./curl.js').Query} Query */
/** @typedef {ReturnType<typeof createApi>} Api */

/** An error response, or a request without an answer (`status` 0). */
export class ApiError extends Error {
  /**
   * @param {{status: number, name?: string, message?: string, retryAfter?: number | null}} answer
   */
  constructor({ status, name = 'unknown', message = '', retryAfter = null }) {
    super(message || `The API answered ${status}.`);
    /** HTTP status; 0 without an answer. */
    this.status = status;
    /** The API's `name` of the error, such as `not_found`. */
    this.name_ = name;
    /** The path of the field before the colon in the message, or an empty text. */
    this.field = /^([A-Za-z_][\w.[\]-]*): /.exec(this.message)?.[1] ?? '';
    /** Seconds to wait before a repetition, or null. */
    this.retryAfter = retryAfter;
    /** Whether a part of the page shows this error already. */
    this.shown = false;
  }

  /** Whether the requested object does not exist. */
  get isMissing() {
    return this.status === 404;
  }
}

/**
 * Creates the client of the API.
 * @param {{
 *   base?: string,
 *   session: {key: string | null, tenant: string | null, isDeployer: boolean},
 *   onUnauthorized: (error: ApiError) => void,
 * }} options `base` is empty for the origin of the page.
 */
export function createApi({ base = '', session, onUnauthorized }) {
  /**
   * Runs a call.
   * @param {Call} call
   * @param {{signal?: AbortSignal, idempotencyKey?: string}} [options]
   * @returns {Promise<any>} The JSON of the answer; null if it has no body.
   */
  async function run(call, { signal, idempotencyKey } = {}) {
    const key = session.key;
    /** @type {Record<string, string>} */
    const headers = { accept: 'application/json' };
    if (key) headers.authorization = `Bearer ${key}`;
    if (call.tenant) headers['x-mailqueue-tenant'] = call.tenant;
    if (call.body !== undefined) headers['content-type'] = 'application/json';
    if (idempotencyKey) headers['idempotency-key'] = idempotencyKey;
    const request = {
      method: call.method,
      headers,
      signal,
      body: call.body === undefined ? undefined : JSON.stringify(call.body),
      // A cached answer would hide changes, and cookies are not used.
      cache: /** @type {const} */ ('no-store'),
      credentials: /** @type {const} */ ('omit'),
      redirect: /** @type {const} */ ('error'),
    };
    const { response, answer } = await fetched(base + call.path + queryText(call.query), request, signal);
    if (response.ok) return answer;
    const error = errorOf(response, answer);
    const ended = error.name_ === 'invalid_api_key' || error.name_ === 'missing_api_key';
    // A late answer to a request with an earlier key does not end the session of the present key.
    if (ended && session.key === key) onUnauthorized(error);
    throw error;
  }

  /**
   * Describes a call, to run or to show.
   * @param {string} method
   * @param {string} path The path; its segments are encoded already.
   * @param {{query?: Query, body?: unknown}} [options]
   * @returns {Call}
   */
  function call(method, path, { query, body } = {}) {
    const tenant = session.isDeployer && !isForAllTenants(path) ? session.tenant : null;
    return { method, path, query: query && cleaned(query), body, tenant };
  }

  return {
    base,
    call,
    run,
    /**
     * @param {string} path
     * @param {Query} [query]
     * @param {{signal?: AbortSignal}} [options]
     */
    get: (path, query, options) => run(call('GET', path, { query }), options),
    /**
     * @param {string} path
     * @param {unknown} [body]
     * @param {{idempotencyKey?: string, signal?: AbortSignal}} [options]
     */
    post: (path, body, options) => run(call('POST', path, { body }), options),
    /**
     * @param {string} path
     * @param {unknown} [body]
     * @param {{signal?: AbortSignal}} [options]
     */
    patch: (path, body, options) => run(call('PATCH', path, { body }), options),
    /**
     * @param {string} path
     * @param {Query} [query]
     * @param {{signal?: AbortSignal}} [options]
     */
    delete: (path, query, options) => run(call('DELETE', path, { query }), options),
  };
}

/**
 * Whether calls of a path concern no tenant. The API refuses the header of the tenant there.
 * @param {string} path
 */
function isForAllTenants(path) {
  return /^\/(api-keys|tenants|console-codes)(\/|$)/.test(path);
}

/**
 * @param {string} address
 * @param {RequestInit} request
 * @param {AbortSignal} [signal]
 */
async function fetched(address, request, signal) {
  try {
    const response = await fetch(address, request);
    return { response, answer: parsed(await response.text()) };
  } catch (error) {
    if (signal?.aborted) throw error;
    const message = 'The API gave no answer. Check the connection, then try again.';
    throw new ApiError({ status: 0, name: 'no_answer', message });
  }
}

/** @param {string} body */
function parsed(body) {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

/**
 * @param {Response} response
 * @param {any} answer
 */
function errorOf(response, answer) {
  const wait = Number(response.headers.get('retry-after') || NaN);
  return new ApiError({
    status: response.status,
    name: answer?.name,
    message: answer?.message,
    retryAfter: Number.isFinite(wait) ? Math.max(0, wait) : null,
  });
}
