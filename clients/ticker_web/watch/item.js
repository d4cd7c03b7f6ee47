/** What the watch list knows of one instrument. It knows no page: `version` rises where there is something to paint. */

import { Trend } from "./trend.js";

/** @import {Instrument, Quote, State, Stats, Status, Tick} from "../client/messages.js" */
/** @typedef {Quote | Stats | Status} Watched */

export class Item {
  version = 0;
  /** Rises with every move of the price that was seen to happen. */
  flashes = 0;
  /** The way of the last move: above 0 is up. */
  moved = 0;
  last = 0;
  /** Of the last price to the close before: 0.01 is one per cent. */
  ratio = 0;
  bid = 0;
  ask = 0;
  volume = 0;
  /** @type {State} */
  state = "trading";
  /** @type {Status["reason"] | ""} */
  reason = "";
  trend = new Trend();
  #n = { status: 0, quote: 0, stats: 0 };

  /** @param {Instrument} instrument @param {number} place  in the universe */
  constructor(instrument, place) {
    this.instrument = instrument;
    this.place = place;
    this.symbol = instrument.symbol;
    this.words = `${instrument.symbol} ${instrument.name} ${instrument.sector}`.toLowerCase();
  }

  /** Take a tick off the stream, if it is news. @param {Tick} tick */
  take(tick) {
    const before = this.last;
    if (!this.reset(tick) || before === 0 || before === this.last) return;
    this.moved = Math.sign(this.last - before);
    this.flashes += 1;
  }

  /** Take the newest tick out of a snapshot: it is no move. @param {Tick} tick @returns {boolean} whether it is news */
  reset(tick) {
    if (!watched(tick) || tick.n <= this.#n[tick.ch]) return false;
    this.#n[tick.ch] = tick.n;
    this.version += 1;
    if (tick.ch === "quote") [this.bid, this.ask] = [tick.bid, tick.ask];
    if (tick.ch === "status") [this.state, this.reason] = [tick.state, tick.reason];
    if (tick.ch === "stats") this.#trade(tick);
    return true;
  }

  /** Called once a second. */
  sample() {
    if (this.last > 0) this.trend.add(this.last);
  }

  /** @param {Stats} stats */
  #trade({ last, previous, volume }) {
    this.last = last;
    this.volume = volume;
    this.ratio = previous > 0 ? Number((last / previous - 1).toFixed(4)) : 0; // as shown: no arrow beside a nought
  }
}

/** @param {Tick} tick @returns {tick is Watched} */
const watched = (tick) => tick.ch === "stats" || tick.ch === "quote" || tick.ch === "status";
