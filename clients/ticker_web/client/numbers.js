/**
 * The proof that nothing is missing: `n` counts the ticks of each symbol and channel, so that a hole in it is a tick that
 * never came. A book counts for itself: between a fresh row and its checksum its count does not rise.
 */

import { CHANNEL_OF } from "./channels.js";

/** @import {Channel, Tick} from "./messages.js" */
/** @typedef {"known" | "first" | "next" | "beyond"} Place  of a tick among those of its channel; beyond the next there is a hole */
/** @typedef {{symbol: string, channel: Channel, from: number, to: number}} Gap  the counts of the first and of the last tick that never came */

export class Numbers {
  /** Ticks that were sent but never came. */
  missed = 0;
  /** @type {Map<string, number>} the newest count */
  #newest = new Map();
  #onGap;

  /** @param {(gap: Gap) => void} [onGap]  is told of every hole, before the tick behind it is taken */
  constructor(onGap) {
    this.#onGap = onGap;
  }

  /** What was before does not join what comes: of all, or of what is not wanted any more. @param {(tick: Pick<Tick, "ch" | "sym">) => boolean} [of] */
  forget(of = () => true) {
    for (const key of this.#newest.keys()) {
      const [ch, sym] = /** @type {[Tick["ch"], string]} */ (key.split(" "));
      if (of({ ch, sym })) this.#newest.delete(key);
    }
  }

  /** A tick off the stream. @param {Tick} tick @returns {Place} */
  take(tick) {
    const before = this.#newest.get(key(tick));
    if (before !== undefined && tick.n > before + 1 && !fresh(tick)) {
      this.missed += tick.n - before - 1;
      this.#onGap?.({ symbol: tick.sym, channel: CHANNEL_OF[tick.ch], from: before + 1, to: tick.n - 1 });
    }
    return this.reset(tick);
  }

  /** The newest tick out of a snapshot: what lies before it was not owed. @param {Tick} tick @returns {Place} */
  reset(tick) {
    const before = this.#newest.get(key(tick));
    if (before !== undefined && tick.n <= before) return "known";
    this.#newest.set(key(tick), tick.n);
    if (before === undefined) return "first";
    return tick.n === before + 1 ? "next" : "beyond";
  }
}

/** @param {Pick<Tick, "ch" | "sym">} tick */
const key = ({ ch, sym }) => `${ch} ${sym}`;

/** @param {Tick} tick */
const fresh = (tick) => tick.ch === "book" && tick.fresh === true;
