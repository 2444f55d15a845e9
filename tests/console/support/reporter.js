// Prints one line per file, and each failure. The last line has the form of cargo's, so that .ci/run counts it.

import { relative } from 'node:path';

/** @param {AsyncIterable<any>} source @returns {AsyncGenerator<string>} */
export default async function* reporter(source) {
  /** @type {Record<string, number>} */
  const count = { passed: 0, failed: 0, skipped: 0 };
  /** @type {Map<string, {tests: number, ms: number}>} */
  const files = new Map();
  for await (const { type, data } of source) {
    if (type === 'test:stdout' || type === 'test:stderr') yield data.message;
    if (type === 'test:diagnostic' && data.nesting > 0) yield `  ${data.message}\n`;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const file = data.file ? relative(process.cwd(), data.file) : data.name;
    const isFile = data.nesting === 0 && (data.name === data.file || data.name === file);
    if (isFile && type === 'test:pass') continue;
    count[data.skip !== undefined ? 'skipped' : type === 'test:pass' ? 'passed' : 'failed'] += 1;
    const so = files.get(file) ?? { tests: 0, ms: 0 };
    files.set(file, { tests: so.tests + 1, ms: so.ms + (data.nesting === 0 ? data.details.duration_ms : 0) });
    if (type === 'test:fail') yield `\nFAILED ${file}: ${data.name}\n${explained(data.details.error)}\n`;
  }
  for (const [file, { tests, ms }] of files) {
    yield `${(ms / 1000).toFixed(1).padStart(6)} s  ${String(tests).padStart(3)} tests  ${file}\n`;
  }
  const result = count['failed'] === 0 ? 'ok' : 'FAILED';
  const { passed, failed, skipped } = count;
  yield `test result: ${result}. ${passed} passed; ${failed} failed; ${skipped} ignored; 0 measured\n`;
}

/** The reason of a failure is the cause of Node's own error. */
function explained(/** @type {any} */ error) {
  const cause = error.cause ?? error;
  return String(cause?.stack ?? cause)
    .split('\n')
    .filter((line) => !line.includes('node:internal'))
    .map((line) => `  ${line}`)
    .join('\n');
}
