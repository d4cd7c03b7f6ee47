/** Time and sales: the last trades, newest first. The rows stay; what falls out below is written anew on top. */

import { element, write } from "../element.js";
import { count, price } from "../format.js";
import { fineTime } from "./words.js";

/** @import {Instrument, Trade} from "../client/messages.js" */

const SHOWN = 100;
const WORDS = { buy: "▲ buy", sell: "▼ sell" };

class Line {
  #texts = [new Text(), new Text(), new Text(), new Text()];
  element = element(
    "tr",
    { hidden: true },
    element("td", { class: "time" }, this.#texts[0]),
    element("td", { class: "px" }, this.#texts[1]),
    element("td", { class: "sz" }, this.#texts[2]),
    element("td", { class: "side" }, this.#texts[3]),
  );

  /** @param {Trade} trade @param {number} decimals */
  show({ t, px, sz, side }, decimals) {
    const [at, much, many, who] = this.#texts;
    write(at, fineTime(t));
    write(much, price(px, decimals));
    write(many, count(sz));
    write(who, WORDS[side]);
    this.element.dataset.side = side;
    this.element.hidden = false;
  }
}

export class Sales {
  #lines = Array.from({ length: SHOWN }, () => new Line());
  #body = element("tbody", {}, ...this.#lines.map((line) => line.element));
  #pane = element(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "The last trades, newest first" },
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, ...["Time", "Price", "Size", "Side"].map((name) => element("th", { scope: "col" }, name)))),
      this.#body,
    ),
  );
  element = element("section", { class: "sales", "aria-label": "Time and sales" }, element("h3", {}, "Time and sales"), this.#pane);
  #decimals = 2;
  /** The line that is on top. */
  #top = 0;
  /** @type {Trade[]} oldest first, not shown yet */
  #news = [];

  /** @param {Instrument} instrument */
  choose({ decimals }) {
    this.#decimals = decimals;
    this.#news = [];
    this.#pane.scrollTop = 0;
    for (const line of this.#lines) line.element.hidden = true;
  }

  /** @param {Trade} trade */
  take(trade) {
    this.#news.push(trade);
    if (this.#news.length >= 2 * SHOWN) this.#news = this.#news.slice(-SHOWN);
  }

  paint() {
    if (this.#news.length === 0) return;
    for (const trade of this.#news.slice(-SHOWN)) {
      this.#top = (this.#top + SHOWN - 1) % SHOWN;
      const line = this.#lines[this.#top];
      line.show(trade, this.#decimals);
      this.#body.prepend(line.element);
    }
    this.#news = [];
  }
}
