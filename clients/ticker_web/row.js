/** One instrument: what is known of it, and its line of the table. */

import { arrow, change, count, NOTHING, price } from "./format.js";

/** @import {Instrument, Tick} from "./messages.js" */

const COLUMNS = ["symbol", "name", "sector", "last", "change", "bidSize", "bid", "ask", "askSize", "spread"];
/** @type {Record<string, string>} */
const CLASSES = {
  bidSize: "size quote",
  askSize: "size quote",
  bid: "bid quote",
  ask: "ask quote",
  spread: "spread quote",
};

export class Row {
  /** @type {HTMLTableRowElement} */
  element = document.createElement("tr");
  /** The number of the newest tick, per channel. */
  #n = { trade: 0, quote: 0 };
  #open = 0;
  #last = 0;
  #moved = 0;
  #flash = 0;
  #flashes = 0;
  /** @type {import("./messages.js").Quote | null} */
  #quote = null;
  /** @type {Record<string, Text>} */
  #text = {};
  /** @type {Record<string, HTMLElement>} */
  #cell = {};

  /** @param {Instrument} instrument */
  constructor(instrument) {
    this.instrument = instrument;
    this.words = `${instrument.symbol} ${instrument.name} ${instrument.sector}`.toLowerCase();
    this.element.setAttribute("role", "row");
    this.element.dataset.symbol = instrument.symbol;
    for (const column of COLUMNS) this.#add(column);
    this.#write("symbol", instrument.symbol);
    this.#write("name", instrument.name);
    this.#write("sector", instrument.sector);
    this.#cell.name.title = instrument.name;
  }

  /**
   * Take a tick off the stream.
   *
   * @param {Tick} tick
   * @returns {number} how many before it did not come; -1 if it is not news
   */
  take(tick) {
    const before = this.#n[tick.ch];
    if (tick.n <= before) return -1;
    this.#note(tick);
    return before === 0 ? 0 : tick.n - before - 1;
  }

  /** Take the newest tick out of a snapshot: whatever lies between was not subscribed. @param {Tick} tick */
  reset(tick) {
    if (tick.n > this.#n[tick.ch]) this.#note(tick);
    this.#flash = 0;
  }

  /** Write what changed. */
  paint() {
    if (this.#last) this.#paintTrade();
    if (this.#quote) this.#paintQuote(this.#quote);
  }

  /** @param {Tick} tick */
  #note(tick) {
    this.#n[tick.ch] = tick.n;
    if (tick.ch === "quote") {
      this.#quote = tick;
      return;
    }
    const move = this.#last ? Math.sign(tick.px - this.#last) : 0;
    if (move !== 0) this.#moved = this.#flash = move;
    this.#last = tick.px;
    this.#open ||= tick.px;
  }

  #paintTrade() {
    const ratio = Number((this.#last / this.#open - 1).toFixed(4)); // as shown: no arrow beside a nought
    this.#write("last", price(this.#last, this.instrument.decimals));
    this.#write("lastArrow", arrow(this.#moved));
    this.#write("change", change(ratio));
    this.#write("changeArrow", arrow(ratio));
    this.#cell.change.dataset.way = way(ratio);
    this.#cell.last.dataset.way = way(this.#moved);
    if (this.#flash !== 0) {
      // Two equal animations by turns: a change of name starts it again, without a forced layout.
      this.#cell.last.dataset.flash = `${way(this.#flash)}-${(this.#flashes += 1) % 2}`;
      this.#flash = 0;
    }
  }

  /** @param {import("./messages.js").Quote} quote */
  #paintQuote(quote) {
    const { decimals } = this.instrument;
    this.#write("bid", price(quote.bid, decimals));
    this.#write("ask", price(quote.ask, decimals));
    this.#write("bidSize", count(quote.bsz));
    this.#write("askSize", count(quote.asz));
    this.#write("spread", price(quote.ask - quote.bid, decimals));
  }

  /** @param {string} column */
  #add(column) {
    const cell = document.createElement(column === "symbol" ? "th" : "td");
    cell.setAttribute("role", column === "symbol" ? "rowheader" : "cell"); // the look of a grid takes the table's roles away
    cell.className = CLASSES[column] ?? column;
    if (column === "last" || column === "change") {
      const glyph = document.createElement("span");
      glyph.className = "arrow";
      glyph.append((this.#text[`${column}Arrow`] = new Text("")));
      cell.append(glyph);
    }
    cell.append((this.#text[column] = new Text(NOTHING)));
    this.#cell[column] = cell;
    this.element.append(cell);
  }

  /** @param {string} column @param {string} words */
  #write(column, words) {
    const text = this.#text[column];
    if (text.data !== words) text.data = words;
  }
}

/** @param {number} value */
const way = (value) => (value > 0 ? "up" : value < 0 ? "down" : "level");
