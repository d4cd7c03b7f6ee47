/** The price chart: what the server remembers of an interval's bars, then what the feed brings. */

import { element, write } from "../element.js";
import { count, NOTHING, price } from "../format.js";
import { Bars } from "./bars.js";
import { Candles } from "./candles.js";
import { library } from "./library.js";
import { Line } from "./line.js";
import { time } from "./words.js";
import { asked } from "../token.js";

/** @import {Bar, Instrument} from "../client/messages.js" */
/** @import {Candle} from "./bars.js" */
/** @typedef {"1s" | "1m"} Interval */

/** @type {[Interval, string, string][]} */
const INTERVALS = [
  ["1s", "1 s", "seconds"],
  ["1m", "1 min", "minutes"],
];
const BARS_ASKED = 600;
const DARK = matchMedia("(prefers-color-scheme: dark)");

export class Chart {
  #at = new Text("");
  #legend = new Text(NOTHING);
  #note = new Text("");
  #host = element("div", { class: "canvas", role: "img", tabindex: "0", "aria-keyshortcuts": "ArrowLeft ArrowRight + - End", onkeydown: (event) => this.#press(/** @type {KeyboardEvent} */ (event)) });
  #credit = element(
    "a",
    { class: "credit", href: "https://www.tradingview.com/", target: "_blank", rel: "noopener noreferrer", hidden: true },
    "Charts: TradingView Lightweight Charts",
  );
  element = element(
    "section",
    { class: "chart", "aria-label": "Price chart" },
    element(
      "div",
      { class: "chart-tools" },
      element(
        "fieldset",
        { class: "choice" },
        element("legend", { class: "unseen" }, "A bar lasts"),
        ...INTERVALS.map(([interval, label]) =>
          element(
            "label",
            {},
            element("input", { type: "radio", name: "bar-length", value: interval, autocomplete: "off", checked: interval === "1s", onchange: () => this.#switch(interval) }),
            label,
          ),
        ),
      ),
      element("p", { class: "reading" }, element("span", { class: "at" }, this.#at), this.#legend),
    ),
    this.#host,
    element(
      "p",
      { class: "chart-foot" },
      element("span", { class: "keys" }, "← → move · + − size · End: newest"),
      element("span", { class: "note" }, this.#note),
      this.#credit,
    ),
  );
  /** @type {Interval} */
  #interval = "1s";
  /** @type {Record<Interval, Bars>} */
  #bars = { "1s": new Bars(), "1m": new Bars() };
  /** The newest question for the history of an interval, answered or not: what answers an older one is let go. @type {Map<Interval, symbol>} */
  #asked = new Map();
  /** Intervals whose history was had. @type {Set<Interval>} */
  #had = new Set();
  /** @type {Instrument | null} */
  #instrument = null;
  /** @type {Candles | Line | null} */
  #drawer = null;
  /** @type {Candle | undefined} */
  #told;
  #recolour = () => {
    this.#drawer?.recolour();
    this.#bars[this.#interval].redraw();
  };
  #base;

  /** @param {URL} base  of the server */
  constructor(base) {
    this.#base = base;
    this.#furnish();
  }

  /** @param {Instrument} instrument */
  choose(instrument) {
    this.#instrument = instrument;
    this.#asked.clear();
    this.#had.clear();
    this.#bars = { "1s": new Bars(), "1m": new Bars() };
    this.#told = undefined;
    write(this.#at, "");
    write(this.#legend, NOTHING);
    write(this.#note, "");
    this.#begin();
  }

  /** @param {Bar} bar @param {boolean} joins  the one before; if not, the server may remember bars that we were not sent */
  take(bar, joins) {
    const interval = bar.ch === "bar.1s" ? "1s" : "1m";
    this.#bars[interval].take(bar);
    if (joins) return;
    this.#asked.delete(interval);
    this.#had.delete(interval);
    if (interval === this.#interval) this.#ask();
  }

  /** Ask for what was not had yet, also where an answer is due: it may be a refusal of before. */
  retry() {
    if (!this.#had.has(this.#interval)) this.#asked.delete(this.#interval);
    this.#ask();
  }

  paint() {
    if (!this.#drawer) return;
    const bars = this.#bars[this.#interval];
    const changes = bars.changes();
    if (changes) {
      this.#drawer.draw(changes, bars.list);
      this.#describe(bars.list);
    }
    this.#paintLegend(bars.list);
  }

  open() {
    DARK.addEventListener("change", this.#recolour);
    this.#recolour();
  }

  close() {
    DARK.removeEventListener("change", this.#recolour);
  }

  async #furnish() {
    const found = await library();
    this.#drawer = found ? new Candles(found, this.#host) : new Line(this.#host, () => this.#bars[this.#interval].redraw());
    this.#credit.hidden = !found;
    this.element.dataset.drawn = found ? "candles" : "line";
    this.#begin();
  }

  /** @param {Interval} interval */
  #switch(interval) {
    this.#interval = interval;
    this.#begin();
  }

  /** Another instrument or interval is to be drawn. */
  #begin() {
    if (!this.#instrument) return;
    this.#bars[this.#interval].redraw();
    this.#drawer?.begin(this.#instrument, this.#interval === "1s");
    this.#ask();
  }

  async #ask() {
    const [instrument, interval, question] = [this.#instrument, this.#interval, Symbol()];
    if (!instrument || this.#asked.has(interval)) return;
    this.#asked.set(interval, question);
    try {
      const history = await remembered(this.#base, instrument.symbol, interval);
      if (this.#asked.get(interval) !== question) return;
      this.#had.add(interval);
      this.#bars[interval].merge(history);
      write(this.#note, "");
    } catch (error) {
      if (this.#asked.get(interval) !== question) return;
      this.#asked.delete(interval);
      write(this.#note, `earlier bars could not be had: ${/** @type {Error} */ (error).message}`);
    }
  }

  /** What is drawn, in words. @param {Candle[]} list */
  #describe(list) {
    const { symbol = "", decimals = 2 } = this.#instrument ?? {};
    const unit = INTERVALS.find(([interval]) => interval === this.#interval)?.[2];
    const last = list.at(-1);
    const what = this.element.dataset.drawn === "line" ? "a line of closing prices" : "candles and volume";
    this.#host.setAttribute("aria-label", `${symbol}, ${what}, ${unit}: ${last ? `${list.length} bars, the newest of ${time(last.t)} closed at ${price(last.close, decimals)}` : "no bar yet"}`);
    this.#host.dataset.bars = `${list.length}`;
  }

  /** The bar under the pointer, or the newest. @param {Candle[]} list */
  #paintLegend(list) {
    const pointed = this.#drawer?.pointed ?? null;
    const bar = (pointed === null ? undefined : list.find(({ t }) => t === pointed)) ?? list.at(-1);
    if (bar === this.#told || !bar) return;
    this.#told = bar;
    const shown = (/** @type {number} */ px) => price(px, this.#instrument?.decimals ?? 2);
    write(this.#at, `${time(bar.t)}  `);
    write(this.#legend, `O ${shown(bar.open)}  H ${shown(bar.high)}  L ${shown(bar.low)}  C ${shown(bar.close)}  V ${count(bar.volume)}`);
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const drawer = this.#drawer;
    /** @type {Record<string, (() => void) | undefined>} */
    const acts = {
      ArrowLeft: () => drawer?.pan(-5),
      ArrowRight: () => drawer?.pan(5),
      "+": () => drawer?.zoom(0.8),
      "-": () => drawer?.zoom(1.25),
      End: () => drawer?.home(),
    };
    const act = acts[event.key];
    if (!act || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    act();
  }
}

/**
 * @param {URL} base @param {string} symbol @param {Interval} interval
 * @returns {Promise<Candle[]>} finished bars, oldest first
 */
async function remembered(base, symbol, interval) {
  const query = new URLSearchParams({ symbol, interval, limit: `${BARS_ASKED}` });
  const answer = await asked(new URL(`v1/bars?${query}`, base));
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.detail ?? answer.statusText);
  return told.bars;
}
