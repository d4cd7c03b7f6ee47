/** Short poll: asks, is answered at once (often with nothing), and sleeps before it asks again. */

import { sleep } from "../backoff.js";
import { Poll } from "./poll.js";

export class ShortPoll extends Poll {
  #intervalMs = 1_000;
  #wake = new AbortController();

  get intervalMs() {
    return this.#intervalMs;
  }

  set intervalMs(ms) {
    this.#intervalMs = ms;
    this.#wake.abort();
  }

  /** Said in the next request, for which nobody waits but who compares. @override */
  change() {
    if (!this.options.bare) this.#wake.abort();
  }

  /** @override @param {AbortSignal} signal */
  async read(signal) {
    while (!signal.aborted) {
      const wish = this.wish;
      this.doing("asking");
      await this.poll({}, signal);
      if (signal.aborted) return;
      if (wish !== this.wish && !this.options.bare) continue;
      this.#wake = new AbortController();
      this.doing("waiting", { untilMs: performance.now() + this.#intervalMs });
      await sleep(this.#intervalMs, AbortSignal.any([signal, this.#wake.signal]));
    }
  }
}
