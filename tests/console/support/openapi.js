// The rules of openapi.json, so that the mock is no kinder than the API: routes, parameters, bodies and answers.

import { readFileSync } from 'node:fs';
import { Ajv2020, addFormats } from './packages.js';

/** @typedef {Record<string, any>} Json */

/** @type {Json} */
const document = JSON.parse(readFileSync(new URL('../../../openapi.json', import.meta.url), 'utf8'));

/** The objects of answers are complete: a field that no schema names is a mistake of a fixture. */
function closed(/** @type {Json} */ schema) {
  if (schema.properties && schema.additionalProperties === undefined) schema.additionalProperties = false;
  for (const part of Object.values(schema.properties ?? {})) closed(part);
  for (const part of [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) closed(part);
  if (schema.items) closed(schema.items);
}

const strict = structuredClone(document);
for (const schema of Object.values(strict.components.schemas)) closed(schema);

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats(ajv);
ajv.addFormat('double', true);
ajv.addSchema(strict, 'openapi');

/** @type {Map<string, import('ajv').ValidateFunction>} */
const compiled = new Map();

/** Returns the faults of a value. @param {string} pointer of the schema @param {unknown} value @returns {string[]} */
function faultsOf(pointer, value) {
  let validate = compiled.get(pointer);
  if (!validate) {
    validate = ajv.compile({ $ref: `openapi#${pointer}` });
    compiled.set(pointer, validate);
  }
  if (validate(value)) return [];
  return (validate.errors ?? []).map(({ instancePath, message, params }) => {
    const named = params['additionalProperty'] ?? params['missingProperty'] ?? '';
    return `${instancePath || '/'} ${message} ${named}`.trim();
  });
}

const escaped = (/** @type {string} */ part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));

/**
 * @typedef {object} Operation
 * @property {string} method
 * @property {string} template the path of openapi.json, with its variables in braces
 * @property {string} pointer to the operation
 * @property {Json} description
 */

/** @type {(Operation & {shape: RegExp})[]} */
const operations = Object.entries(document.paths)
  .flatMap(([template, methods]) =>
    Object.entries(/** @type {Json} */ (methods)).map(([method, description]) => ({
      method: method.toUpperCase(),
      template,
      pointer: `/paths/${escaped(template)}/${method}`,
      description,
      shape: new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+').replaceAll('.', '\\.')}$`),
    })),
  )
  // A fixed path before one with a variable: /emails/metrics before /emails/{id}.
  .sort((one, other) => one.template.split('{').length - other.template.split('{').length);

/** All operations, for tests that go through them. @returns {readonly Operation[]} */
export const allOperations = () => operations;

/** @param {string} method @param {string} path @returns {Operation | undefined} */
export const operationOf = (method, path) =>
  operations.find((operation) => operation.method === method && operation.shape.test(path));

/** @param {string} path */
export const isRoute = (path) => operations.some((operation) => operation.shape.test(path));

/**
 * Returns the faults of a request.
 * @param {Operation} operation
 * @param {Record<string, string>} query
 * @param {unknown} body undefined without one
 */
export function requestFaults(operation, query, body) {
  const { parameters = [], requestBody } = operation.description;
  /** @type {string[]} */
  const faults = [];
  for (const [name, value] of Object.entries(query)) {
    const index = parameters.findIndex((/** @type {Json} */ one) => one['in'] === 'query' && one['name'] === name);
    if (index < 0) faults.push(`${name}: the parameter is unknown`);
    else faults.push(...parameterFaults(`${operation.pointer}/parameters/${index}/schema`, name, value));
  }
  if (requestBody && body !== undefined) {
    const type = escaped('application/json');
    faults.push(...faultsOf(`${operation.pointer}/requestBody/content/${type}/schema`, body));
  } else if (requestBody?.required) {
    faults.push('The body is missing');
  } else if (!requestBody && body !== undefined) {
    faults.push('The request takes no body');
  }
  return faults;
}

/** A parameter is text: it may stand for a number or a truth value. */
function parameterFaults(/** @type {string} */ pointer, /** @type {string} */ name, /** @type {string} */ value) {
  const faults = faultsOf(pointer, value);
  if (faults.length === 0) return [];
  const other = /^(\d+|true|false)$/.test(value) ? JSON.parse(value) : value;
  return faultsOf(pointer, other).length === 0 ? [] : [`${name}: ${faults.join(', ')}`];
}

/** Returns the faults of an answer. @param {Operation} operation @param {number} status @param {unknown} body */
export function answerFaults(operation, status, body) {
  const said = operation.description['responses'][String(status)];
  if (!said) return [`openapi.json has no answer ${status}`];
  const pointer = said.$ref ? said.$ref.slice(1) : `${operation.pointer}/responses/${status}`;
  const content = said.$ref ? document['components'].responses[said.$ref.split('/').pop()].content : said.content;
  const type = Object.keys(content ?? {})[0];
  return type ? faultsOf(`${pointer}/content/${escaped(type)}/schema`, body) : [];
}

/** The status of success. @param {Operation} operation */
export const successOf = (operation) =>
  Number(Object.keys(operation.description['responses']).find((status) => status.startsWith('2')) ?? 200);
