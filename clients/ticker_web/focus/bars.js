/** The newest bars of one interval, oldest first, and what has changed of them since it was last drawn. */

/** @import {Bar} from "../client/messages.js" */
/** @typedef {Pick<Bar, "t" | "open" | "high" | "low" | "close" | "volume">} Candle */
/** @typedef {{whole: boolean, bars: Candle[]}} Changes  the bars from the first that changed on, or all of them */

const KEPT = 900;
const ROOM = 300; // so that it is not cut at every bar

export class Bars {
  /** @type {Candle[]} */
  list = [];
  #changedFrom = Infinity;
  #whole = true;

  /** A bar off the feed: a new one, or one that is known as it is now. @param {Candle} bar */
  take(bar) {
    let place = this.list.length;
    while (place > 0 && this.list[place - 1].t > bar.t) place -= 1;
    const known = place > 0 && this.list[place - 1].t === bar.t;
    this.list.splice(known ? place - 1 : place, known ? 1 : 0, bar);
    this.#changedFrom = Math.min(this.#changedFrom, bar.t);
    if (this.list.length <= KEPT + ROOM) return;
    this.list = this.list.slice(-KEPT);
    this.#whole = true;
  }

  /** What the server remembers; the feed knows better where both know. @param {Candle[]} history */
  merge(history) {
    const merged = new Map(history.map((bar) => [bar.t, bar]));
    for (const bar of this.list) merged.set(bar.t, bar);
    this.list = [...merged.values()].sort((one, other) => one.t - other.t).slice(-KEPT);
    this.#whole = true;
  }

  /** All is to be drawn again. */
  redraw() {
    this.#whole = true;
  }

  /** @returns {Changes | null} what is to be drawn */
  changes() {
    if (!this.#whole && this.#changedFrom === Infinity) return null;
    const from = this.list.findLastIndex((bar) => bar.t < this.#changedFrom) + 1;
    const changes = { whole: this.#whole, bars: this.#whole ? this.list : this.list.slice(from) };
    this.#whole = false;
    this.#changedFrom = Infinity;
    return changes;
  }
}
