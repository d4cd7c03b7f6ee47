/**
 * One instrument, closely: head, chart, statistics, depth and trades. What comes is only noted; it is painted when asked to,
 * once a frame, and then only what changed.
 */

import { Numbers } from "../client/numbers.js";
import { element } from "../element.js";
import { Chart } from "./chart.js";
import { Head } from "./head.js";
import { Ladder } from "./ladder.js";
import { Sales } from "./sales.js";
import { Statistics } from "./statistics.js";
import { mark } from "./words.js";

/** @import {Instrument, Tick} from "../client/messages.js" */
/** @import {Place} from "../client/numbers.js" */
/** @import {Counted} from "./head.js" */

export class Focus {
  #symbol = "";
  #numbers = new Numbers();
  #missedLevels = 0;
  #head = new Head();
  #statistics = new Statistics();
  #sales = new Sales();
  #open = true;
  #chart;
  #ladder;
  #root;

  /** @param {HTMLElement} root @param {{base: URL, onDoubt: (symbol: string) => void}} talk  the book of a symbol is to be asked for anew */
  constructor(root, { base, onDoubt }) {
    this.#root = root;
    this.#chart = new Chart(base);
    this.#ladder = new Ladder(onDoubt);
    root.classList.add("focus");
    root.append(
      element(
        "div",
        { class: "focus-body" },
        this.#head.element,
        this.#statistics.element,
        this.#chart.element,
        this.#ladder.element,
        this.#sales.element,
      ),
    );
    this.#chart.open();
  }

  /** Ticks of all that were chosen that were sent but never came, by their numbers. */
  get missed() {
    return this.#numbers.missed + this.#missedLevels;
  }

  /** Checksums of its book that were right, and that were wrong or could not be told. */
  get books() {
    return { proved: this.#ladder.proved, wrong: this.#ladder.wrong };
  }

  /** Begin with an instrument; also with the one that is shown, as after a change of tape. @param {Instrument} instrument */
  choose(instrument) {
    this.#symbol = instrument.symbol;
    this.#numbers.forget();
    for (const part of [this.#head, this.#statistics, this.#sales, this.#chart, this.#ladder]) part.choose(instrument);
  }

  /** Ticks off the stream, of whatever instrument. @param {Tick[]} ticks */
  take(ticks) {
    for (const tick of ticks) {
      if (tick.sym !== this.#symbol) continue;
      if (tick.ch === "book") this.#missedLevels += this.#ladder.take(tick);
      else this.#hand(tick, this.#numbers.take(tick), true);
    }
  }

  /** The newest ticks, out of a snapshot: what lies between was not owed. @param {Tick[]} ticks */
  reset(ticks) {
    for (const tick of ticks) {
      if (tick.sym !== this.#symbol) continue;
      if (tick.ch === "book") this.#ladder.take(tick);
      else this.#hand(tick, this.#numbers.reset(tick), false);
    }
  }

  /** Whether what is shown is being kept up; if not, it does not look as if it were. @param {boolean} is */
  live(is) {
    mark(this.#root, "live", is ? "yes" : "no");
    if (is) this.#chart.retry();
  }

  /** @param {number} _nowMs */
  paint(_nowMs) {
    if (!this.#open) return;
    for (const part of [this.#head, this.#statistics, this.#sales, this.#chart, this.#ladder]) part.paint();
  }

  open() {
    this.#open = true;
    this.#chart.open();
  }

  close() {
    this.#open = false;
    this.#chart.close();
  }

  /** @param {Counted} tick @param {Place} place @param {boolean} live  off the stream, so that a move is news */
  #hand(tick, place, live) {
    if (place === "known") return;
    this.#head.take(tick, live);
    if (tick.ch === "trade") this.#sales.take(tick);
    else if (tick.ch === "stats") this.#statistics.take(tick);
    else if (tick.ch === "bar.1s" || tick.ch === "bar.1m") this.#chart.take(tick, place === "next");
  }
}
