const STEPPED_MS = 5; // the wall clock was set, or the machine slept

let originMs = performance.timeOrigin;

/** @returns {number} milliseconds to be added to `performance.now()` for the time of day, finer than `Date.now()` */
export function wallOriginMs() {
  const differenceMs = Date.now() - performance.now();
  if (Math.abs(differenceMs - originMs) > STEPPED_MS) originMs = differenceMs;
  return originMs;
}
