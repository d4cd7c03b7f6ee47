const FIRST_MS = 500;
const LONGEST_MS = 15_000;

/**
 * How long to wait before the next try. What the server asked for is obeyed, and exceeded at random by up to half, so that
 * a crowd does not come back as one; otherwise the wait doubles, and half of it is chance.
 *
 * @param {number} tries  failed so far
 * @param {number | null} askedS  the server's `reconnect_after_s`
 * @returns {number} milliseconds
 */
export function waitMs(tries, askedS) {
  if (askedS !== null) return askedS * 1000 * (1 + Math.random() / 2);
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** tries) * (0.5 + Math.random() / 2);
}

/** @param {number} ms @param {AbortSignal} signal  wakes at once @returns {Promise<void>} */
export function sleep(ms, signal) {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(); // somebody was quicker than we
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
