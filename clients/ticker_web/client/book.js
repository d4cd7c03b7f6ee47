/**
 * The ten best levels a side of one instrument, rebuilt from the rows of the `book` channel, and the proof that they are
 * the server's: a CRC-32 of 320 characters, the asks, then the bids, best first, price in ticks and size in 8 hexadecimal
 * digits each, zeros where there is no level.
 *
 *     whole ──a checksum that is wrong, or a row that is missing──▶ not whole, and takes nothing ──fresh row──▶ whole
 */

/** @import {Book as Row, Instrument} from "./messages.js" */
/** @typedef {"" | "proved" | "wrong" | "hole"} Verdict  what a row told of the book */
/** @typedef {[price: number, size: number]} Level  the price in ticks */

const LEVELS = 10;
const POLYNOMIAL = 0xedb88320; // of zlib and Ethernet, bits reversed
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/** @param {string} text  of ASCII characters @returns {number} */
export function crc32(text) {
  let crc = 0xffffffff;
  for (let place = 0; place < text.length; place += 1) crc = TABLE[(crc ^ text.charCodeAt(place)) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** @param {number} number */
const hex = (number) => number.toString(16).padStart(8, "0");

/** @param {Level[]} levels */
const printed = (levels) => levels.map(([price, size]) => hex(price) + hex(size)).join("").padEnd(16 * LEVELS, "0");

export class Book {
  /** The number of the newest row. */
  n = 0;
  /** Market time of the newest row. */
  t = 0;
  /** Whether no row is missing, and no checksum was wrong. */
  whole = true;
  /** Whether a checksum has proved it as it stands. */
  verified = false;
  /** Between a fresh row and its checksum, where `n` does not rise. */
  #beginning = false;
  /** @type {Record<Row["side"], Map<number, number>>} size by price in ticks */
  #sides = { bid: new Map(), ask: new Map() };
  #units;
  #scale;

  /** @param {Pick<Instrument, "tick_size" | "decimals">} instrument */
  constructor({ tick_size: size, decimals }) {
    this.#scale = Number(`1e${decimals}`);
    this.#units = Math.round(size * this.#scale);
  }

  /** @returns {Level[]} best first */
  get bids() {
    return [...this.#sides.bid].sort(([one], [other]) => other - one);
  }

  /** @returns {Level[]} best first */
  get asks() {
    return [...this.#sides.ask].sort(([one], [other]) => one - other);
  }

  /** @param {number} ticks @returns {number} a price in money */
  money(ticks) {
    return (ticks * this.#units) / this.#scale;
  }

  /** @param {number} crc @returns {boolean} whether it is that of the book, which has ten levels a side at most */
  verify(crc) {
    const [asks, bids] = [this.asks, this.bids];
    const fits = asks.length <= LEVELS && bids.length <= LEVELS;
    this.verified = this.whole = this.whole && fits && crc32(printed(asks) + printed(bids)) === crc;
    return this.verified;
  }

  /** Take a row in, if it is news and joins what is known. @param {Row} row @returns {Verdict} */
  take(row) {
    if (row.fresh && row.n >= this.n) this.#begin();
    else if (!this.#joins(row)) return "";
    if (!this.whole) return "hole";
    [this.n, this.t] = [row.n, row.t];
    this.verified = false;
    const ticks = Math.round((row.px * this.#scale) / this.#units);
    if (row.sz > 0) this.#sides[row.side].set(ticks, row.sz);
    else this.#sides[row.side].delete(ticks);
    if (row.crc === undefined) return "";
    this.#beginning = false;
    return this.verify(row.crc) ? "proved" : "wrong";
  }

  #begin() {
    this.#sides.bid.clear();
    this.#sides.ask.clear();
    this.whole = this.#beginning = true;
  }

  /** Whether a row is news to a book that is whole; one beyond the next has it be whole no more. @param {Row} row */
  #joins(row) {
    const next = this.n + (this.#beginning ? 0 : 1);
    if (!this.whole || row.n < next) return false;
    if (row.n > next) this.whole = this.verified = false;
    return true;
  }
}
