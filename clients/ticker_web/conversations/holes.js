/** Counts the ticks that never came: each carries `n`, a count per instrument and channel, in which a hole would show. */

import { CHANNEL_OF } from "../channels.js";

/** @import {Tick} from "../messages.js" */

export class Holes {
  missed = 0;
  /** @type {Map<string, number>} */
  #numbers = new Map();

  /** What was before does not join what comes. */
  forget() {
    this.#numbers.clear();
  }

  /** @param {Tick[]} ticks  off the stream */
  take(ticks) {
    for (const tick of ticks) {
      const before = this.#numbers.get(key(tick)) ?? 0;
      if (tick.n <= before) continue; // known already
      const begins = tick.ch === "book" && tick.fresh; // a book that begins anew joins nothing
      if (before > 0 && !begins) this.missed += tick.n - before - 1;
      this.#numbers.set(key(tick), tick.n);
    }
  }

  /** @param {Tick[]} ticks  of a snapshot: whatever lies between was not asked for */
  reset(ticks) {
    for (const tick of ticks) this.#numbers.set(key(tick), Math.max(tick.n, this.#numbers.get(key(tick)) ?? 0));
  }
}

/** @param {Tick} tick */
const key = (tick) => `${CHANNEL_OF[tick.ch]} ${tick.sym}`;
