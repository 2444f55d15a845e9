// Puts hostile texts into the fields of an answer, wherever openapi.json allows any text.

import { answerFaults } from './openapi.js';

/** @typedef {(string | number)[]} Path */

/** @param {any} value @param {Path} [path] @returns {Path[]} the places of all texts */
function placesOf(value, path = []) {
  if (typeof value === 'string') return [path];
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, part]) => placesOf(part, [...path, name]));
}

/** @param {any} value @param {Path} path @param {string} text */
function put(value, path, text) {
  const copy = structuredClone(value);
  let at = copy;
  for (const name of path.slice(0, -1)) at = at[name];
  at[path.at(-1) ?? ''] = text;
  return copy;
}

/**
 * Returns a function that puts the next hostile texts into answers of this form. Fields with a form of their own, such
 * as times and ids, stay.
 * @param {import('./openapi.js').Operation} operation
 * @param {number} status
 * @param {any} body
 * @param {() => string} next
 */
export function poisoner(operation, status, body, next) {
  const places = placesOf(body).filter((path) => {
    return answerFaults(operation, status, put(body, path, '<>')).length === 0;
  });
  const poisoned = (/** @type {any} */ fresh) => places.reduce((value, path) => put(value, path, next()), fresh);
  return { places, poisoned };
}
