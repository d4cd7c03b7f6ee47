/** The counts `n` of one instrument, a count a channel: a hole in one is a tick that never came. The book counts for itself. */

/** @import {Book, Tick} from "../client/messages.js" */
/** @typedef {Exclude<Tick, Book>} Counted */
/** @typedef {"known" | "first" | "next" | "beyond"} Place  of a tick among those of its channel; beyond the next there is a hole */

export class Numbers {
  /** Ticks that were sent but never came. */
  missed = 0;
  /** @type {Partial<Record<Counted["ch"], number>>} */
  #newest = {};

  /** What was before does not join what comes. */
  forget() {
    this.#newest = {};
  }

  /** A tick off the stream. @param {Counted} tick @returns {Place} */
  take(tick) {
    const before = this.#newest[tick.ch];
    const place = this.reset(tick);
    if (place === "beyond" && before !== undefined) this.missed += tick.n - before - 1;
    return place;
  }

  /** The newest tick out of a snapshot: what lies before it was not owed. @param {Counted} tick @returns {Place} */
  reset({ ch, n }) {
    const before = this.#newest[ch];
    if (before !== undefined && n <= before) return "known";
    this.#newest[ch] = n;
    if (before === undefined) return "first";
    return n === before + 1 ? "next" : "beyond";
  }
}
