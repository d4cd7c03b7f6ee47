/** Long poll: the server holds the request until there is something to say, or until our patience ends. */

import { sleep } from "../backoff.js";
import { Poll } from "./poll.js";

const WAIT_S = 20; // a proxy's limit is commonly 30 or 60
const RATE_HZ = 10; // where only the newest is wanted, and no rate is named: what came meanwhile comes in one answer
const AT_ONCE_MS = 50;
const PAUSE_MS = 250; // before we ask again where an empty answer was not held at all: a server that is going away

export class LongPoll extends Poll {
  #held = new AbortController();

  /** A held request cannot be changed: it is given up, and another one asks. @override */
  change() {
    this.#held.abort();
  }

  /** @override @param {AbortSignal} signal */
  async read(signal) {
    while (!signal.aborted) {
      this.#held = new AbortController();
      const given = this.#held.signal;
      this.doing("held");
      const askedMs = performance.now();
      try {
        const messages = await this.poll({ wait: WAIT_S }, AbortSignal.any([signal, given]));
        if (this.latest) await sleep(1000 / (this.wish.rate_hz ?? RATE_HZ), AbortSignal.any([signal, given]));
        else if (messages === 0 && performance.now() - askedMs < AT_ONCE_MS) await sleep(PAUSE_MS, signal);
      } catch (error) {
        if (signal.aborted || !given.aborted) throw error;
      }
    }
  }
}
