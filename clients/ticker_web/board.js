/** The table: ticks are noted as they come, and the rows that they changed are painted once per frame. */

import { Row } from "./row.js";

/** @import {Instrument, Tick} from "./messages.js" */

export class Board {
  /** Ticks that were sent but never came, by their numbers. */
  missed = 0;
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {Set<Row>} */
  #changed = new Set();
  #frame = 0;
  #body;

  /** @param {HTMLElement} body */
  constructor(body) {
    this.#body = body;
  }

  /** @returns {string[]} */
  get symbols() {
    return [...this.#rows.keys()];
  }

  /** Begin again with these. @param {Instrument[]} instruments */
  build(instruments) {
    this.missed = 0;
    this.#changed.clear();
    this.#rows = new Map(instruments.map((instrument) => [instrument.symbol, new Row(instrument)]));
    this.#body.replaceChildren(...[...this.#rows.values()].map((row) => row.element));
  }

  /** @param {Tick[]} ticks */
  take(ticks) {
    for (const tick of ticks) {
      const row = this.#rows.get(tick.sym);
      const missed = row ? row.take(tick) : -1;
      if (row && missed >= 0) {
        this.missed += missed;
        this.#changed.add(row);
      }
    }
    this.#schedule();
  }

  /** @param {Tick[]} ticks */
  reset(ticks) {
    for (const tick of ticks) {
      const row = this.#rows.get(tick.sym);
      row?.reset(tick);
      if (row) this.#changed.add(row);
    }
    this.#schedule();
  }

  /** Show the rows with all of these words. @param {string} words @returns {string[]} their symbols */
  filter(words) {
    const needles = words.toLowerCase().split(/\s+/);
    for (const row of this.#rows.values()) {
      row.element.hidden = !needles.every((needle) => row.words.includes(needle));
    }
    return [...this.#rows].filter(([, row]) => !row.element.hidden).map(([symbol]) => symbol);
  }

  #schedule() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      for (const row of this.#changed) row.paint();
      this.#changed.clear();
    });
  }
}
