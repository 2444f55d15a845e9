// The installed packages of the tests. They lie in .local/console-tools, where local/test-console installs them, so Node
// does not find them by their names.

import { createRequire } from 'node:module';

const require = createRequire(new URL('../../../.local/console-tools/package.json', import.meta.url));

export const { chromium } = /** @type {typeof import('playwright-core')} */ (require('playwright-core'));
export const axe = /** @type {typeof import('axe-core')} */ (require('axe-core'));
export const { Ajv2020 } = /** @type {typeof import('ajv/dist/2020.js')} */ (require('ajv/dist/2020'));
export const addFormats = /** @type {typeof import('ajv-formats').default} */ (require('ajv-formats'));
