// A server that stands for the deployed API: the console's files, and invented answers that openapi.json allows.
//
// Start reading at `startMock`. It refuses an unknown route, parameter or field as the API does. A wrong answer of a
// test is a fault of that test: `faults` has it, and `close` of console.js fails.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { errors } from './answers.js';
import { PREVIEW_POLICY, serve } from './assets.js';
import { defaults } from './defaults.js';
import { answerFaults, isRoute, operationOf, requestFaults, successOf } from './openapi.js';

/** @typedef {'full_access' | 'read_access' | 'sending_access' | 'deployer'} KeyName */

/**
 * @typedef {object} Call
 * @property {string} method
 * @property {string} path
 * @property {Record<string, string>} query
 * @property {any} body undefined without one
 * @property {Record<string, string>} headers
 */

/** @typedef {{status: number, body: any, headers?: Record<string, string>, delayMs?: number}} Said */
/** @typedef {Record<string, any> | Said | ((call: Call) => Record<string, any> | Said)} Answer */

/** The routes that need no key. */
const OPEN = ['POST /console-codes/exchange', 'GET /openapi.json'];

/** The calls that a key for reading may make, besides GET. */
const READING = ['POST /emails/{id}/preview', 'POST /console-codes'];

const isSaid = (/** @type {any} */ answer) => typeof answer?.status === 'number' && 'body' in answer;

/** Variables of a path have one form: `:name` and `{name}` are the same. */
const form = (/** @type {string} */ operation) => operation.replace(/:\w+|\{\w+\}/g, '{}');

/**
 * Starts the server.
 * @param {{key: KeyName, token: string, answers: Record<string, Answer>}} options
 */
export async function startMock({ key, token, answers }) {
  /** @type {Call[]} */
  const calls = [];
  /** @type {string[]} */
  const faults = [];
  /** @type {Map<string, Answer>} */
  const said = new Map();
  /** Tokens that open the API; a test may revoke one. */
  const tokens = new Set([token, 're_exchanged']);
  let previews = ['<p>Thank you, Ada.</p>'];

  /** @param {string} operation @param {Answer} answer */
  const answer = (operation, answer) => {
    const [method = '', path = ''] = form(operation).split(' ');
    if (!operationOf(method, path.replaceAll('{}', 'x'))) faults.push(`openapi.json has no operation ${operation}`);
    said.set(form(operation), answer);
  };
  for (const [operation, one] of Object.entries(defaults(key))) said.set(form(operation), one);
  for (const [operation, one] of Object.entries(answers)) answer(operation, one);

  /** @param {Call} call @returns {Said} */
  const answered = (call) => {
    const operation = operationOf(call.method, call.path);
    if (!operation) return isRoute(call.path) ? methodNotAllowed() : errors.missing();
    const name = `${call.method} ${operation.template}`;
    if (!OPEN.includes(name)) {
      const shown = call.headers['authorization']?.replace(/^Bearer /, '');
      if (!shown) return errors.noKey();
      if (!tokens.has(shown)) return errors.badKey();
      const reads = call.method === 'GET' || READING.includes(name);
      if (key === 'read_access' && !reads) return errors.restricted();
    }
    const wrong = requestFaults(operation, call.query, call.body);
    if (wrong[0]) {
      faults.push(`${name} was asked wrongly: ${wrong.join('; ')}`);
      return errors.invalid('request', wrong.join('; '));
    }
    const chosen = said.get(`${call.method} ${call.path}`) ?? said.get(form(name));
    if (chosen === undefined) {
      faults.push(`${name} has no answer: name one in the test, or in support/defaults.js`);
      return errors.failed();
    }
    const made = typeof chosen === 'function' ? chosen(call) : chosen;
    const complete = isSaid(made) ? /** @type {Said} */ (made) : { status: successOf(operation), body: made };
    const bad =
      complete.status < 400 || complete.body?.statusCode ? answerFaults(operation, complete.status, complete.body) : [];
    if (bad.length > 0) faults.push(`the answer ${complete.status} to ${name} is not the API's: ${bad.join('; ')}`);
    return complete;
  };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const asset = serve(url.pathname);
    if (asset) {
      response.writeHead(asset.status, asset.headers).end(asset.body);
      return;
    }
    if (url.pathname === '/favicon.ico') {
      response.writeHead(404).end();
      return;
    }
    if (url.pathname.startsWith('/previews/')) {
      response.writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': PREVIEW_POLICY,
      });
      response.end(previews[Number(url.searchParams.get('n') ?? 0)]);
      return;
    }
    const chunks = await request.toArray();
    const text = Buffer.concat(chunks).toString();
    const headers = /** @type {Record<string, string>} */ ({ ...request.headers });
    const call = {
      method: request.method ?? 'GET',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      body: text ? JSON.parse(text) : undefined,
      headers,
    };
    calls.push(call);
    const { status, body, headers: more = {}, delayMs = 0 } = answered(call);
    if (delayMs > 0) await sleep(delayMs, undefined, { ref: false });
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...more });
    response.end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());

  return {
    base: `http://127.0.0.1:${port}`,
    calls,
    faults,
    answer,
    /** Makes the API refuse the session's key from now on. */
    revoke: () => tokens.delete(token),
    /** Changes the documents behind the URLs of previews: the number `n` of the query chooses. @param {string[]} html */
    preview: (...html) => {
      previews = html;
    },
    /** The calls of an operation, for example `POST /queues/default/pause`. @param {string} operation */
    callsOf: (operation) => {
      const [method, path = ''] = operation.split(' ');
      const shape = new RegExp(`^${form(path).replaceAll('{}', '[^/]+')}$`);
      return calls.filter((call) => call.method === method && shape.test(call.path));
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const methodNotAllowed = () => ({
  status: 405,
  body: { statusCode: 405, name: 'method_not_allowed', message: 'The path does not support this method.' },
});
