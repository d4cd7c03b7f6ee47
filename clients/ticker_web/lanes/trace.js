/** What happened in a lane in the last seconds, for its strip to draw. Times are `performance.now()`. */

import { wallOriginMs } from "../wall.js";

/** @import {Ticks} from "../client/messages.js" */
/** @import {Doing} from "../client/transports/exchange.js" */
/** @typedef {{what: Doing, fromMs: number, toMs: number}} Span  `toMs` is infinite while it lasts */
/** @typedef {{way: "up" | "down", atMs: number}} Mark */
/** @typedef {{bornMs: number, atMs: number, ticks: number}} Flight  a message, from its `ts` to our having it */

const KEPT_MS = 12_000; // a little more than a strip shows

export class Trace {
  /** @type {Span[]} */
  spans = [];
  /** @type {Mark[]} */
  marks = [];
  /** @type {Flight[]} */
  flights = [];

  /** @param {Doing} what */
  doing(what) {
    const nowMs = performance.now();
    const last = this.spans.at(-1);
    if (last) last.toMs = nowMs;
    this.spans.push({ what, fromMs: nowMs, toMs: Infinity });
  }

  /** @param {"up" | "down"} way */
  mark(way) {
    this.marks.push({ way, atMs: performance.now() });
  }

  /** @param {Ticks} message */
  fly(message) {
    const atMs = performance.now();
    this.flights.push({ bornMs: Math.min(atMs, message.ts / 1000 - wallOriginMs()), atMs, ticks: message.data.length });
  }

  /** Forget what no strip shows any more. @param {number} nowMs */
  trim(nowMs) {
    const oldestMs = nowMs - KEPT_MS;
    this.spans = this.spans.filter((span) => span.toMs > oldestMs);
    this.marks = this.marks.filter((mark) => mark.atMs > oldestMs);
    this.flights = this.flights.filter((flight) => flight.atMs > oldestMs);
  }
}
