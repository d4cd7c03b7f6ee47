const KEPT = 200;

/** How late the last messages were: from the server's `ts` to our having them. */
export class Lateness {
  /** @type {number[]} */
  #ms = [];

  /** @param {number} ms */
  add(ms) {
    this.#ms.push(ms);
    if (this.#ms.length > KEPT) this.#ms.shift();
  }

  clear() {
    this.#ms = [];
  }

  /** @returns {{now: number, median: number, p99: number} | null} milliseconds */
  get figures() {
    if (this.#ms.length === 0) return null;
    const sorted = this.#ms.toSorted((a, b) => a - b);
    const at = (/** @type {number} */ share) => sorted[Math.ceil(share * sorted.length) - 1];
    return { now: this.#ms[this.#ms.length - 1], median: at(0.5), p99: at(0.99) };
  }
}
