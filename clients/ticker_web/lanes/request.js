/** A plain request: asked once, answered once. Nobody tells us what happens afterwards. */

import { sleep } from "../client/backoff.js";
import { Reader } from "../client/transports/reader.js";

/** @import {Beginning} from "../client/transports/exchange.js" */

export class Request extends Reader {
  #wake = new AbortController();

  /** @override */
  change() {
    this.again();
  }

  /** Ask once more, because somebody pressed a button. */
  again() {
    this.#wake.abort();
  }

  /** @override @param {AbortSignal} signal */
  async read(signal) {
    while (!signal.aborted) {
      this.doing("asking");
      const wish = this.wish;
      this.#wake = new AbortController();
      /** @type {Beginning} */
      const snapshot = await this.ask("v1/snapshot", this.spelled, signal);
      this.took(wish);
      this.begin(snapshot, "");
      this.doing("waiting", { why: "nobody calls" });
      await sleep(2 ** 31 - 1, AbortSignal.any([signal, this.#wake.signal]));
    }
  }
}
