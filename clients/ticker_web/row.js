/** One instrument: what is known of it, and its line of the table. */

import { Book } from "./book.js";
import { element } from "./element.js";
import { arrow, change, count, NOTHING, price } from "./format.js";

/** @import {Verdict} from "./book.js" */
/** @import {Book as Level, Instrument, Stats, Status, Tick} from "./messages.js" */

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
  /** The number of the newest tick, per channel; the book counts for itself. */
  #n = { status: 0, quote: 0, trade: 0, "bar.1s": 0, "bar.1m": 0, stats: 0 };
  #tradedAt = 0;
  #open = 0;
  #last = 0;
  #moved = 0;
  #flash = 0;
  #flashes = 0;
  /** @type {import("./messages.js").Quote | null} */
  #quote = null;
  /** @type {Status | null} */
  #status = null;
  /** @type {Stats | null} */
  #stats = null;
  /** @type {Record<string, Text>} */
  #text = {};
  /** @type {Record<string, HTMLElement>} */
  #cell = {};

  /** @param {Instrument} instrument */
  constructor(instrument) {
    this.instrument = instrument;
    this.book = new Book(instrument);
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
   * @param {Exclude<Tick, Level>} tick
   * @returns {number} how many before it did not come; -1 if it is not news
   */
  take(tick) {
    const before = this.#n[tick.ch];
    if (tick.n <= before) return -1;
    this.#note(tick);
    return before === 0 ? 0 : tick.n - before - 1;
  }

  /** Take the newest tick out of a snapshot: whatever lies between was not subscribed. @param {Exclude<Tick, Level>} tick */
  reset(tick) {
    if (tick.n > this.#n[tick.ch]) this.#note(tick);
    this.#flash = 0;
  }

  /** Take a row of the book, off the stream or out of a snapshot. @param {Level} level @returns {Verdict} */
  takeLevel(level) {
    return this.book.take(level);
  }

  /** Write what changed. */
  paint() {
    if (this.#status) this.#paintStatus(this.#status);
    if (this.#last) this.#paintTrade();
    if (this.#quote && this.#quote.t >= this.book.t) this.#paintQuote(this.#quote);
    else if (this.book.n > 0) this.#paintBook();
  }

  /** @param {Exclude<Tick, Level>} tick */
  #note(tick) {
    this.#n[tick.ch] = tick.n;
    switch (tick.ch) {
      case "quote":
        return void (this.#quote = tick);
      case "status":
        return void (this.#status = tick);
      case "trade":
        this.#tradedAt = tick.t;
        return this.#move(tick.px);
      case "stats":
        this.#stats = tick;
        if (tick.t > this.#tradedAt) this.#move(tick.last);
        return;
      default:
        if (tick.t > this.#tradedAt) this.#move(tick.close); // it opened after the last trade we had
    }
  }

  /** @param {number} px */
  #move(px) {
    const move = this.#last ? Math.sign(px - this.#last) : 0;
    if (move !== 0) this.#moved = this.#flash = move;
    this.#last = px;
    this.#open ||= px;
  }

  /** What is not usual is said in a word beside the name, and with a mark before the symbol. @param {Status} status */
  #paintStatus({ state, reason }) {
    const usual = state === "trading";
    const words = state.replaceAll("_", " ");
    this.#write("state", usual ? "" : words);
    this.#write("symbolMark", usual ? "" : "‖ ");
    this.#cell.symbol.title = `${words}${reason === "schedule" ? "" : `: ${reason.replaceAll("_", " ")}`}`;
    this.element.dataset.state = state;
  }

  #paintTrade() {
    const since = this.#stats?.previous || this.#open; // the close before, where that was said
    const ratio = Number((this.#last / since - 1).toFixed(4)); // as shown: no arrow beside a nought
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

  #paintBook() {
    const [[bid], [ask]] = [this.book.bids, this.book.asks];
    const shown = (/** @type {number} */ ticks) => price(this.book.money(ticks), this.instrument.decimals);
    this.#write("bid", bid ? shown(bid[0]) : NOTHING);
    this.#write("ask", ask ? shown(ask[0]) : NOTHING);
    this.#write("bidSize", bid ? count(bid[1]) : NOTHING);
    this.#write("askSize", ask ? count(ask[1]) : NOTHING);
    this.#write("spread", bid && ask ? shown(ask[0] - bid[0]) : NOTHING);
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
    if (column === "symbol") cell.append((this.#text.symbolMark = new Text("")));
    cell.append((this.#text[column] = new Text(NOTHING)));
    if (column === "name") cell.append(element("span", { class: "state-word" }, (this.#text.state = new Text(""))));
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
