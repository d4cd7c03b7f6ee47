/** How late messages of ticks were in the last minute. */

const WINDOW_MS = 60_000;
const KEPT = 16_384; // more than a minute of the fastest conversations: older ones give way

export class Latencies {
  #atMs = new Float64Array(KEPT);
  #ms = new Float64Array(KEPT);
  #count = 0;

  /** @param {number} atMs @param {number} ms */
  add(atMs, ms) {
    const place = this.#count % KEPT;
    this.#atMs[place] = atMs;
    this.#ms[place] = ms;
    this.#count += 1;
  }

  /** @param {number} nowMs @returns {{median: number, p99: number, messages: number} | null} milliseconds */
  figures(nowMs) {
    const kept = Math.min(this.#count, KEPT);
    const recent = this.#ms.subarray(0, kept).filter((_, place) => nowMs - this.#atMs[place] <= WINDOW_MS);
    if (recent.length === 0) return null;
    const sorted = recent.sort();
    const at = (/** @type {number} */ share) => sorted[Math.ceil(share * sorted.length) - 1];
    return { median: at(0.5), p99: at(0.99), messages: sorted.length };
  }
}
