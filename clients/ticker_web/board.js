/** The table: ticks are noted as they come, and the rows that they changed are painted once per frame. */

import { Row } from "./row.js";

/** @import {Book, Instrument, Tick} from "./messages.js" */

const PROOFS_TO_DOUBT_AGAIN = 100; // in a row, after which a book that was asked for anew may be asked for another time

export class Board {
  /** Ticks that were sent but never came, by their numbers. */
  missed = 0;
  /** Checksums of books that were right, and that were wrong, with those that could not be told for missing rows. */
  books = { proved: 0, wrong: 0 };
  /** Books that turned out wrong, and how many proofs are due since then. @type {Map<string, number>} */
  #doubted = new Map();
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {Set<Row>} */
  #changed = new Set();
  #frame = 0;
  #body;
  #onDoubt;

  /** @param {HTMLElement} body @param {(symbol: string) => void} onDoubt  a book is not the server's: once, until it has proved itself */
  constructor(body, onDoubt) {
    this.#body = body;
    this.#onDoubt = onDoubt;
  }

  /** @returns {string[]} */
  get symbols() {
    return [...this.#rows.keys()];
  }

  /** Begin again with these. @param {Instrument[]} instruments */
  build(instruments) {
    this.missed = 0;
    this.books = { proved: 0, wrong: 0 };
    this.#doubted.clear();
    this.#changed.clear();
    this.#rows = new Map(instruments.map((instrument) => [instrument.symbol, new Row(instrument)]));
    this.#body.replaceChildren(...[...this.#rows.values()].map((row) => row.element));
  }

  /** @param {Tick[]} ticks */
  take(ticks) {
    for (const tick of ticks) {
      const row = this.#rows.get(tick.sym);
      if (tick.ch === "book") {
        this.#takeLevel(tick, row);
        continue;
      }
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
      if (tick.ch === "book") this.#takeLevel(tick, row);
      else row?.reset(tick);
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

  /** @param {Book} level @param {Row | undefined} row */
  #takeLevel(level, row) {
    if (!row) return;
    const { n } = row.book;
    const verdict = row.takeLevel(level);
    this.#changed.add(row);
    if (verdict === "proved") this.#prove(level.sym);
    else if (verdict !== "") this.#doubt(level.sym);
    if (verdict === "hole" && n > 0) this.missed += level.n - n - 1;
  }

  /** @param {string} symbol */
  #prove(symbol) {
    this.books.proved += 1;
    const due = this.#doubted.get(symbol);
    if (due === 1) this.#doubted.delete(symbol);
    else if (due !== undefined) this.#doubted.set(symbol, due - 1);
  }

  /** @param {string} symbol */
  #doubt(symbol) {
    this.books.wrong += 1;
    const tried = this.#doubted.has(symbol);
    this.#doubted.set(symbol, PROOFS_TO_DOUBT_AGAIN);
    if (!tried) this.#onDoubt(symbol);
  }

  #schedule() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      for (const row of this.#changed) row.paint();
      this.#changed.clear();
    });
  }
}
