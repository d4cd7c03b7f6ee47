/** How market time is said, and marks that are only set where they differ. */

/** @param {number} t  market time in microseconds @returns {string} such as 2026-01-05 */
export const day = (t) => new Date(t / 1000).toISOString().slice(0, 10);

/** @param {number} t  market time in microseconds @returns {string} to the second, in UTC */
export const time = (t) => new Date(t / 1000).toISOString().slice(11, 19);

/** @param {number} t  market time in microseconds @returns {string} to the millisecond, in UTC */
export const fineTime = (t) => new Date(t / 1000).toISOString().slice(11, 23);

/** @param {number} value @param {number} decimals @returns {string} with its sign */
export function signed(value, decimals) {
  const shown = Math.abs(value).toFixed(decimals);
  return `${Number(shown) === 0 ? "" : value > 0 ? "+" : "−"}${shown}`;
}

/** @param {HTMLElement} element @param {string} name @param {string} value  of a data attribute */
export function mark(element, name, value) {
  if (element.dataset[name] !== value) element.dataset[name] = value;
}
