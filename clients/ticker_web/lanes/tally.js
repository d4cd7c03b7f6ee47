/** What one reader has had: counts, how late, and the proof by `n` that nothing is missing. */

import { CHANNEL_OF } from "../client/channels.js";
import { wallOriginMs } from "../wall.js";
import { Lateness } from "./lateness.js";

/** @import {Tick, Ticks} from "../client/messages.js" */
/** @import {Wish} from "../client/wish.js" */

export class Tally {
  ticks = 0;
  messages = 0;
  holes = 0;
  lateness = new Lateness();
  /** @type {Map<string, {last: number, moved: number}>} newest price per symbol */
  prices = new Map();
  /** @type {Map<string, number>} newest n per channel and symbol */
  #n = new Map();
  /** @type {Wish} */
  #wish;

  /** @param {Wish} wish  with which reading begins */
  constructor(wish) {
    this.#wish = wish;
  }

  /** @param {Ticks} message */
  take(message) {
    this.messages += 1;
    this.lateness.add(wallOriginMs() + performance.now() - message.ts / 1000);
    for (const tick of message.data) {
      this.ticks += 1;
      const before = this.#n.get(key(tick));
      if (before !== undefined && tick.n > before + 1) this.holes += tick.n - before - 1;
      this.#note(tick);
    }
  }

  /** @param {Tick[]} data */
  seed(data) {
    for (const tick of data) {
      const before = this.#n.get(key(tick)) ?? 0;
      if (tick.n > before) this.#note(tick);
    }
  }

  /** What comes does not join what was. */
  restart() {
    this.#n.clear();
  }

  /** Nothing is known of what was not wanted before. @param {Wish} wish */
  rewish(wish) {
    for (const known of this.#n.keys()) {
      const [channel, symbol] = known.split(" ");
      const had = this.#wish.symbols.includes(symbol) && this.#wish.channels.some((one) => one === channel);
      if (!had) this.#n.delete(known);
    }
    this.#wish = wish;
  }

  /** @param {Tick} tick */
  #note(tick) {
    this.#n.set(key(tick), tick.n);
    if (tick.ch !== "trade") return;
    const before = this.prices.get(tick.sym);
    const move = before ? Math.sign(tick.px - before.last) : 0;
    this.prices.set(tick.sym, { last: tick.px, moved: move || (before?.moved ?? 0) });
  }
}

/** @param {Tick} tick */
const key = (tick) => `${CHANNEL_OF[tick.ch]} ${tick.sym}`;
