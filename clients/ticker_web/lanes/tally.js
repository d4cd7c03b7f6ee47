/** What one reader has had: counts, how late, and the proof by `n` that nothing is missing. */

import { CHANNEL_OF } from "../client/channels.js";
import { Numbers } from "../client/numbers.js";
import { wallOriginMs } from "../wall.js";
import { Lateness } from "./lateness.js";

/** @import {Tick, Ticks} from "../client/messages.js" */
/** @import {Wish} from "../client/wish.js" */

export class Tally {
  ticks = 0;
  messages = 0;
  /** Ticks that the server says it left out. */
  dropped = 0;
  lateness = new Lateness();
  /** @type {Map<string, {last: number, moved: number}>} newest price per symbol */
  prices = new Map();
  #numbers = new Numbers();
  /** @type {Wish} */
  #wish;

  /** @param {Wish} wish  with which reading begins */
  constructor(wish) {
    this.#wish = wish;
  }

  /** Ticks that never came. */
  get holes() {
    return this.#numbers.missed + this.dropped;
  }

  /** @param {Ticks} message */
  take(message) {
    this.messages += 1;
    this.lateness.add(wallOriginMs() + performance.now() - message.ts / 1000);
    for (const tick of message.data) {
      this.ticks += 1;
      this.#numbers.take(tick);
      this.#note(tick);
    }
  }

  /** @param {Tick[]} data */
  seed(data) {
    for (const tick of data) if (this.#numbers.reset(tick) !== "known") this.#note(tick);
  }

  /** What comes does not join what was. */
  restart() {
    this.#numbers.forget();
  }

  /** Nothing is known of what was not wanted before. @param {Wish} wish */
  rewish(wish) {
    const { symbols, channels } = this.#wish;
    this.#numbers.forget(({ ch, sym }) => !symbols.includes(sym) || !channels.includes(CHANNEL_OF[ch]));
    this.#wish = wish;
  }

  /** @param {Tick} tick */
  #note(tick) {
    if (tick.ch !== "trade") return;
    const before = this.prices.get(tick.sym);
    const move = before ? Math.sign(tick.px - before.last) : 0;
    this.prices.set(tick.sym, { last: tick.px, moved: move || (before?.moved ?? 0) });
  }
}
