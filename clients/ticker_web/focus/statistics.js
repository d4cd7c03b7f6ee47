/** What the session was so far. */

import { element, write } from "../element.js";
import { count, NOTHING, price } from "../format.js";

/** @import {Instrument, Stats} from "../client/messages.js" */
/** @typedef {"open" | "high" | "low" | "previous" | "vwap" | "volume" | "trades"} Figure */

/** @type {[name: Figure, label: string, title: string][]} */
const FIGURES = [
  ["open", "Open", "The first price of the session"],
  ["high", "High", "The highest price of the session"],
  ["low", "Low", "The lowest price of the session"],
  ["previous", "Previous", "The close of the session before, from which the change is told"],
  ["vwap", "VWAP", "Volume-weighted average price of the session"],
  ["volume", "Volume", "Traded in the session"],
  ["trades", "Trades", "Trades of the session"],
];
const PRICES = new Set(["open", "high", "low", "previous"]);

export class Statistics {
  /** @type {Map<Figure, Text>} */
  #texts = new Map(FIGURES.map(([name]) => [name, new Text(NOTHING)]));
  element = element(
    "dl",
    { class: "statistics", "aria-label": "Statistics of the session" },
    ...FIGURES.map(([name, label, title]) =>
      element("div", { title }, element("dt", {}, label), element("dd", { class: name }, /** @type {Text} */ (this.#texts.get(name)))),
    ),
  );
  #decimals = 2;
  /** @type {Stats | null} */
  #stats = null;

  /** @param {Instrument} instrument */
  choose({ decimals }) {
    this.#decimals = decimals;
    this.#stats = null;
    for (const text of this.#texts.values()) write(text, NOTHING);
  }

  /** @param {Stats} stats */
  take(stats) {
    this.#stats = stats;
  }

  paint() {
    if (!this.#stats) return;
    for (const [name, text] of this.#texts) write(text, this.#shown(name, this.#stats[name]));
    this.#stats = null;
  }

  /** @param {Figure} name @param {number | null} value */
  #shown(name, value) {
    if (value === null) return NOTHING;
    if (PRICES.has(name)) return price(value, this.#decimals);
    return name === "vwap" ? price(value, this.#decimals + 1) : count(value);
  }
}
