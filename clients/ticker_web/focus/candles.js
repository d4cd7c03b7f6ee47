/** Candles and volume, drawn by the library. One that closed higher is hollow, one that closed lower is filled. */

import { colours } from "./library.js";
import { day, time } from "./words.js";

/** @import {Instrument} from "../client/messages.js" */
/** @import {Candle, Changes} from "./bars.js" */
/** @import {Colours, Library} from "./library.js" */

const AT_ONCE = 60; // changed bars, beyond which it is cheaper to draw all
const BAR_PX = 8;

export class Candles {
  /** The opening time of the bar under the pointer. @type {number | null} */
  pointed = null;
  #host;
  #chart;
  #candles;
  #volume;
  /** @type {Colours} */
  #colours;
  #newest = -Infinity;

  /** @param {Library} library @param {HTMLElement} host */
  constructor(library, host) {
    this.#host = host;
    this.#colours = colours(host);
    this.#chart = library.createChart(host, { ...FIXED, ...look(this.#colours) });
    this.#candles = this.#chart.addSeries(library.CandlestickSeries, candleLook(this.#colours));
    this.#volume = this.#chart.addSeries(library.HistogramSeries, VOLUME);
    this.#volume.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    this.#candles.priceScale().applyOptions({ scaleMargins: { top: 0.06, bottom: 0.22 } });
    this.#chart.subscribeCrosshairMove(({ time: at }) => void (this.pointed = at === undefined ? null : at * 1e6));
  }

  /** @param {Instrument} instrument @param {boolean} seconds  whether bars are shorter than a minute */
  begin({ tick_size: minMove, decimals: precision }, seconds) {
    this.pointed = null;
    this.#candles.applyOptions({ priceFormat: { type: "price", precision, minMove } });
    this.#chart.timeScale().applyOptions({ secondsVisible: seconds });
    this.#chart.timeScale().resetTimeScale();
  }

  /** @param {Changes} changes */
  draw({ whole, bars }) {
    if (whole || bars.length > AT_ONCE || (bars.length > 0 && bars[0].t < this.#newest)) return this.#drawAll(bars, whole);
    for (const bar of bars) this.#update(bar);
  }

  /** The page has other colours now; all bars are to be drawn again. */
  recolour() {
    this.#colours = colours(this.#host);
    this.#chart.applyOptions(look(this.#colours));
    this.#candles.applyOptions(candleLook(this.#colours));
  }

  /** @param {number} bars  to the right */
  pan(bars) {
    const range = this.#chart.timeScale().getVisibleLogicalRange();
    if (range) this.#chart.timeScale().setVisibleLogicalRange({ from: range.from + bars, to: range.to + bars });
  }

  /** @param {number} factor  below 1 shows fewer bars */
  zoom(factor) {
    const range = this.#chart.timeScale().getVisibleLogicalRange();
    if (range) this.#chart.timeScale().setVisibleLogicalRange({ from: range.to - (range.to - range.from) * factor, to: range.to });
  }

  /** Back to the newest bar, at the size that bars had at first. */
  home() {
    this.#chart.timeScale().resetTimeScale();
  }

  /** @param {Candle[]} bars @param {boolean} whole */
  #drawAll(bars, whole) {
    if (!whole) return void bars.forEach((bar) => this.#update(bar));
    this.#candles.setData(bars.map(candle));
    this.#volume.setData(bars.map((bar) => this.#pillar(bar)));
    this.#newest = bars.at(-1)?.t ?? -Infinity;
  }

  /** @param {Candle} bar */
  #update(bar) {
    this.#candles.update(candle(bar));
    this.#volume.update(this.#pillar(bar));
    this.#newest = bar.t;
  }

  /** @param {Candle} bar */
  #pillar(bar) {
    return { time: bar.t / 1e6, value: bar.volume, color: this.#colours[bar.close < bar.open ? "flash-down" : "flash-up"] };
  }
}

/** @param {Candle} bar */
const candle = ({ t, open, high, low, close }) => ({ time: t / 1e6, open, high, low, close });

const VOLUME = { priceScaleId: "", priceFormat: { type: "volume" }, priceLineVisible: false, lastValueVisible: false };
const FIXED = {
  autoSize: true,
  localization: { locale: "en-US", timeFormatter: (/** @type {number} */ at) => `${day(at * 1e6)} ${time(at * 1e6)} UTC` },
  timeScale: { timeVisible: true, rightOffset: 3, barSpacing: BAR_PX, borderVisible: false },
  rightPriceScale: { borderVisible: false },
  handleScroll: { vertTouchDrag: false }, // so that the page scrolls on a phone
};

/** @param {Colours} colours */
const look = ({ panel, quiet, line, faint, text }) => ({
  layout: {
    // The library's own logo comes with a style element, which our policy refuses: the page says whose it is in a link.
    attributionLogo: false,
    background: { type: "solid", color: panel },
    textColor: quiet,
    fontSize: 11,
    fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
  },
  grid: { vertLines: { color: line }, horzLines: { color: line } },
  crosshair: { mode: 0, vertLine: { color: faint, labelBackgroundColor: text }, horzLine: { color: faint, labelBackgroundColor: text } },
});

/** @param {Colours} colours */
const candleLook = ({ up, down, panel, accent }) => ({
  priceLineColor: accent, // a hollow candle has none to lend
  upColor: panel,
  borderUpColor: up,
  wickUpColor: up,
  downColor: down,
  borderDownColor: down,
  wickDownColor: down,
});
