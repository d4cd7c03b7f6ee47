/** One packed row of each channel, as the tick that JSON would have said. */

/** @import {Bar, Book, Quote, Stats, Status, Tick, Trade} from "./messages.js" */
/**
 * A row as it is read, column by column after `step`: where it is, and the grid of its instrument.
 *
 * @typedef {object} Place
 * @property {(column: number) => number} wide  an integer of eight bytes
 * @property {(column: number) => number} narrow  of one byte
 * @property {number} units  what a tick's price is multiplied with,
 * @property {number} scale  and then divided by: two exact integers, so that it equals the one in JSON
 */
/** @typedef {{sym: string, n: number, t: number}} Head */

const HIGH_MAX = 0x1fffff; // the upper half of 2^53 - 1
const MEAN_SCALE = 10_000; // a mean price has four digits more than a price
const PERCENT_SCALE = 10_000;
const PPM = 1_000_000;

/** @type {Status["state"][]} by code */
const STATES = ["pre_open", "auction", "trading", "halted", "frozen", "closed"];
/** @type {Status["reason"][]} by code */
const REASONS = ["schedule", "halt", "resume", "shock", "regime", "fat_finger", "correction", "quote_stuffing", "freeze", "thaw"];
/** @type {Trade["side"][]} by code */
const TRADE_SIDES = ["buy", "sell"];
/** @type {Book["side"][]} by code */
const BOOK_SIDES = ["bid", "ask"];
const TRUTHS = [false, true];

/** @param {DataView} view @param {number} place @returns {number} the signed integer of eight bytes that begins there */
export function integer(view, place) {
  const high = view.getInt32(place + 4, true);
  if (high > HIGH_MAX || high < -HIGH_MAX) throw new Error("packed: an integer beyond 2^53");
  return high * 0x100000000 + view.getUint32(place, true);
}

/** @template T @param {T[]} words @param {number} code @param {string} what @returns {T} */
function word(words, code, what) {
  if (code >= words.length) throw new Error(`packed: no ${what} has the code ${code}`);
  return words[code];
}

/** @param {Place} row @param {number} column */
const price = (row, column) => (row.wide(column) * row.units) / row.scale;

/** @param {Head} head @param {Place} row @returns {Status} */
function status(head, row) {
  /** @type {Status} */
  const tick = { ch: "status", ...head, state: word(STATES, row.narrow(0), "state"), reason: word(REASONS, row.narrow(1), "reason") };
  if (row.wide(2) !== 0) tick.px = price(row, 2);
  if (row.wide(3) !== 0) tick.sz = row.wide(3);
  if (row.wide(4) !== 0) tick.value = row.wide(4) / PPM;
  if (row.wide(5) !== 0) tick.ref = row.wide(5);
  return tick;
}

/** @param {Head} head @param {Place} row @returns {Quote} */
const quote = (head, row) => ({
  ch: "quote",
  ...head,
  bid: price(row, 0),
  bsz: row.wide(1),
  ask: price(row, 2),
  asz: row.wide(3),
});

/** @param {Head} head @param {Place} row @returns {Book} */
function book(head, row) {
  /** @type {Book} */
  const tick = { ch: "book", ...head, side: word(BOOK_SIDES, row.narrow(0), "side"), px: price(row, 1), sz: row.wide(2) };
  if (row.wide(3) >= 0) tick.crc = row.wide(3);
  if (word(TRUTHS, row.narrow(4), "truth")) tick.fresh = true;
  return tick;
}

/** @param {Head} head @param {Place} row @returns {Trade} */
const trade = (head, row) => ({
  ch: "trade",
  ...head,
  px: price(row, 0),
  sz: row.wide(1),
  side: word(TRADE_SIDES, row.narrow(2), "side"),
});

/** @param {Bar["ch"]} ch @returns {(head: Head, row: Place) => Bar} */
const bar = (ch) => (head, row) => ({
  ch,
  ...head,
  open: price(row, 0),
  high: price(row, 1),
  low: price(row, 2),
  close: price(row, 3),
  volume: row.wide(4),
  vwap: mean(row, row.wide(5), row.wide(4)),
  trades: row.wide(6),
  done: word(TRUTHS, row.narrow(7), "truth"),
});

/** @param {Head} head @param {Place} row @returns {Stats} */
function stats(head, row) {
  const [last, previous] = [row.wide(3), row.wide(4)];
  return {
    ch: "stats",
    ...head,
    open: price(row, 0),
    high: price(row, 1),
    low: price(row, 2),
    last: price(row, 3),
    previous: price(row, 4),
    volume: row.wide(5),
    vwap: mean(row, row.wide(6), row.wide(5)),
    trades: row.wide(7),
    change: ((last - previous) * row.units) / row.scale,
    change_pct: percent(last - previous, previous),
  };
}

/** A mean price, rounded as the server rounds it: half up. @param {Place} row @param {number} turnover @param {number} volume */
function mean({ units, scale }, turnover, volume) {
  if (volume <= 0) return null;
  const whole = 2n * BigInt(turnover) * BigInt(units) * BigInt(MEAN_SCALE) + BigInt(volume); // may pass 2^53
  return Number(whole / (2n * BigInt(volume))) / (scale * MEAN_SCALE);
}

/** Half away from zero. @param {number} change @param {number} previous */
function percent(change, previous) {
  if (previous <= 0) return 0;
  const whole = 200n * BigInt(PERCENT_SCALE) * BigInt(Math.abs(change)) + BigInt(previous);
  const units = Number(whole / (2n * BigInt(previous)));
  return (change < 0 && units > 0 ? -units : units) / PERCENT_SCALE;
}

/** @type {Record<import("./messages.js").Channel, (head: Head, row: Place) => Tick>} */
export const READ = { status, quotes: quote, book, trades: trade, "bars.1s": bar("bar.1s"), "bars.1m": bar("bar.1m"), stats };
