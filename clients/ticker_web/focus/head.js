/** Who is looked at: name, last price, change, quote, state and market time. */

import { element, write } from "../element.js";
import { arrow, change, count, NOTHING, price, stateWords, way } from "../format.js";
import { day, mark, signed, time } from "./words.js";

/** @import {Book, Instrument, Quote, Stats, Status, Tick} from "../client/messages.js" */
/** @typedef {Exclude<Tick, Book>} Counted  by its number, as a book counts for itself */

export class Head {
  #text = texts("symbol", "name", "sector", "arrow", "last", "changeArrow", "change", "state", "time", "bid", "ask");
  #last = element("span", { class: "px" }, this.#text.last);
  #price = element("p", { class: "latest" }, element("span", { class: "way" }, this.#text.arrow), this.#last);
  #change = element("p", { class: "moved" }, element("span", { class: "way" }, this.#text.changeArrow), this.#text.change);
  #state = element("strong", { class: "state-of-market" }, this.#text.state);
  #time = element("time", { title: "Market time, in UTC" }, this.#text.time);
  #name = element("p", { class: "called" }, this.#text.name, element("span", { class: "branch" }, this.#text.sector));
  element = element(
    "div",
    { class: "focus-head" },
    element("div", { class: "who" }, element("h2", {}, this.#text.symbol), this.#name),
    element("div", { class: "how-much" }, this.#price, this.#change),
    element(
      "dl",
      { class: "quote" },
      element("div", {}, element("dt", {}, "Bid"), element("dd", {}, this.#text.bid)),
      element("div", {}, element("dt", {}, "Ask"), element("dd", {}, this.#text.ask)),
    ),
    element("p", { class: "market-state" }, this.#state, this.#time),
  );
  #decimals = 2;
  #first = 0;
  #lastPx = 0;
  #moved = 0;
  #tradedAt = 0;
  #newest = 0;
  #flash = 0;
  #flashes = 0;
  #dirty = false;
  /** @type {Quote | null} */
  #quote = null;
  /** @type {Status | null} */
  #status = null;
  /** @type {Stats | null} */
  #stats = null;

  /** @param {Instrument} instrument */
  choose({ symbol, name, sector, decimals }) {
    this.#decimals = decimals;
    this.#first = this.#lastPx = this.#moved = this.#tradedAt = this.#newest = this.#flash = 0;
    this.#quote = this.#status = this.#stats = null;
    for (const text of Object.values(this.#text)) write(text, "");
    for (const text of [this.#text.last, this.#text.change, this.#text.bid, this.#text.ask, this.#text.state]) write(text, NOTHING);
    write(this.#text.symbol, symbol);
    write(this.#text.name, name);
    write(this.#text.sector, sector);
    this.#name.title = name;
    this.#state.title = this.#last.dataset.flash = "";
    for (const one of [this.#price, this.#change]) mark(one, "way", "level");
    mark(this.#state, "state", "");
  }

  /** @param {Counted} tick @param {boolean} [live]  off the stream, so that a move is news */
  take(tick, live = true) {
    this.#dirty = true;
    if (tick.t > this.#newest) this.#newest = tick.t;
    if (tick.ch === "quote") this.#quote = tick;
    else if (tick.ch === "status") this.#status = tick;
    else this.#takePrice(tick);
    if (!live) this.#flash = 0;
  }

  /** @param {Exclude<Counted, Quote | Status>} tick */
  #takePrice(tick) {
    if (tick.ch === "trade") {
      this.#tradedAt = tick.t;
      return this.#move(tick.px);
    }
    if (tick.ch === "stats") this.#stats = tick;
    if (tick.t > this.#tradedAt) this.#move(tick.ch === "stats" ? tick.last : tick.close); // it opened after the last trade we had
  }

  paint() {
    if (!this.#dirty) return;
    this.#dirty = false;
    if (this.#newest) this.#paintTime();
    if (this.#lastPx) this.#paintPrice();
    if (this.#quote) this.#paintQuote(this.#quote);
    if (this.#status) this.#paintState(this.#status);
  }

  /** @param {number} px */
  #move(px) {
    const move = this.#lastPx ? Math.sign(px - this.#lastPx) : 0;
    if (move !== 0) this.#moved = this.#flash = move;
    this.#lastPx = px;
    this.#first ||= px;
  }

  #paintTime() {
    write(this.#text.time, `${time(this.#newest)} UTC`);
    const stamp = `${day(this.#newest)}T${time(this.#newest)}Z`;
    if (this.#time.dateTime !== stamp) this.#time.dateTime = stamp;
  }

  #paintPrice() {
    const since = this.#stats?.previous || this.#first; // the close before, where that was said
    const ratio = Number((this.#lastPx / since - 1).toFixed(4)); // as shown: no arrow beside a nought
    write(this.#text.last, price(this.#lastPx, this.#decimals));
    write(this.#text.arrow, arrow(this.#moved));
    write(this.#text.change, `${signed(this.#lastPx - since, this.#decimals)} (${change(ratio)})`);
    write(this.#text.changeArrow, arrow(ratio));
    mark(this.#price, "way", way(this.#moved));
    mark(this.#change, "way", way(ratio));
    if (this.#flash === 0) return;
    // Two equal animations by turns: a change of name starts it again, without a forced layout.
    this.#last.dataset.flash = `${way(this.#flash)}-${(this.#flashes += 1) % 2}`;
    this.#flash = 0;
  }

  /** @param {Quote} quote */
  #paintQuote({ bid, bsz, ask, asz }) {
    write(this.#text.bid, `${price(bid, this.#decimals)} × ${count(bsz)}`);
    write(this.#text.ask, `${price(ask, this.#decimals)} × ${count(asz)}`);
  }

  /** @param {Status} status */
  #paintState(status) {
    const words = stateWords(status);
    write(this.#text.state, status.state === "trading" ? words : `‖ ${words}`);
    mark(this.#state, "state", status.state);
    this.#state.title = `since ${time(status.t)} UTC`;
  }
}

/** @template {string} Name @param {Name[]} names @returns {Record<Name, Text>} */
function texts(...names) {
  return /** @type {Record<Name, Text>} */ (Object.fromEntries(names.map((name) => [name, new Text("")])));
}
