const WINDOW_MS = 2_000;

/** Counts, and says how many a second there were in the last two. */
export class Rate {
  #total = 0;
  /** @type {{atMs: number, total: number}[]} */
  #samples = [];

  /** @param {number} [many] */
  add(many = 1) {
    this.#total += many;
  }

  /** Called a few times a second. @param {number} nowMs @returns {number} per second */
  sample(nowMs) {
    this.#samples.push({ atMs: nowMs, total: this.#total });
    while (this.#samples.length > 2 && nowMs - this.#samples[1].atMs >= WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0];
    return nowMs > first.atMs ? ((this.#total - first.total) * 1000) / (nowMs - first.atMs) : 0;
  }
}
