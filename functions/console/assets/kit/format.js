// Numbers as text.

const INTEGER = new Intl.NumberFormat('en-US', { maximumFractionDigits: 2 });
const SIZES = ['bytes', 'KB', 'MB', 'GB', 'TB'];

/**
 * Returns a number with separators, such as "12,345".
 * @param {number | null | undefined} n
 * @returns {string}
 */
export function number(n) {
  return isNumber(n) ? INTEGER.format(n) : '–';
}

/**
 * Returns a share as a percentage: 0.0123 becomes "1.23%" with two digits.
 * @param {number | null | undefined} share
 * @param {number} [digits]
 * @returns {string}
 */
export function percent(share, digits = 1) {
  return isNumber(share) ? `${(share * 100).toFixed(digits)}%` : '–';
}

/**
 * Returns a size, such as "1.5 MB". One KB has 1,000 bytes.
 * @param {number | null | undefined} n
 * @returns {string}
 */
export function bytes(n) {
  if (!isNumber(n)) return '–';
  let size = n;
  let unit = 0;
  // 999.95 would round to "1000.0".
  while (size >= (unit === 0 ? 1_000 : 999.95) && unit < SIZES.length - 1) {
    size /= 1_000;
    unit += 1;
  }
  if (unit === 0) return n === 1 ? '1 byte' : `${n} bytes`;
  return `${size.toFixed(1)} ${SIZES[unit]}`;
}

/**
 * Returns an estimate in US dollars, such as "$1.23 (estimate)".
 * @param {number | null | undefined} amount
 * @returns {string}
 */
export function dollars(amount) {
  if (!isNumber(amount)) return '–';
  const digits = amount !== 0 && Math.abs(amount) < 0.01 ? 6 : 2;
  return `$${amount.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: digits })} (estimate)`;
}

/**
 * @param {unknown} n
 * @returns {n is number}
 */
function isNumber(n) {
  return typeof n === 'number' && Number.isFinite(n);
}
