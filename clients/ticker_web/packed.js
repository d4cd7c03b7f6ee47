/**
 * Packed frames (`ticker.v1.packed`): ticks as columns of little-endian numbers, read where they lie.
 *
 *     head     u8 kind (1 ticks, 2 snapshot), u8 version, u16 sections, u32 0, u64 seq, i64 ts
 *     section  u8 channel (1 quotes, 2 trades), 3 × 0, u32 rows, then its columns
 *
 * A column holds one field of all rows, and zeros up to a multiple of eight bytes. Instruments are numbers, prices are
 * whole ticks, and the `instruments` message says of what: everything else that JSON repeats in every tick is left out.
 * 64-bit integers are read as two halves, for a Number holds all of ours exactly, and BigInts would be slow.
 */

/** @import {Channel, Listing, Snapshot, Tick, Ticks} from "./messages.js" */
/** @typedef {{channel: Channel, rows: number, at: number[]}} Section  `at`: where each column begins, in bytes */
/** @typedef {{type: "ticks" | "snapshot", seq: number, ts: number, sections: Section[]}} Outline */

export const HEAD_BYTES = 24;
const SECTION_BYTES = 8;
const VERSION = 1;
const HIGH_MAX = 0x1fffff; // the upper half of 2^53 - 1

/** @type {(Outline["type"] | undefined)[]} by code */
const KINDS = [undefined, "ticks", "snapshot"];
/** @type {({channel: Channel, widths: number[]} | undefined)[]} by code: bytes of a value, column by column */
const LAYOUTS = [
  undefined,
  { channel: "quotes", widths: [4, 4, 8, 8, 8, 8, 8, 8] }, // instrument, step, n, t, bid_ticks, bid_size, ask_ticks, ask_size
  { channel: "trades", widths: [4, 4, 8, 8, 8, 8, 1] }, // instrument, step, n, t, price_ticks, size, side
];
/** @type {("buy" | "sell" | undefined)[]} by code */
const SIDES = ["buy", "sell"];

/**
 * What a frame says of itself, and where its columns lie: no tick is read. Throws an Error where that does not add up.
 *
 * @param {ArrayBuffer} frame @returns {Outline}
 */
export function outline(frame) {
  const view = new DataView(frame);
  if (view.byteLength < HEAD_BYTES) throw new Error(`packed: a head has ${HEAD_BYTES} bytes, this is ${view.byteLength}`);
  const type = KINDS[view.getUint8(0)];
  if (!type || view.getUint8(1) !== VERSION || view.getUint32(4, true) !== 0) throw new Error("packed: no head of version 1");
  const [seq, ts] = [integer(view, 8), integer(view, 16)];
  if (seq < 0) throw new Error("packed: a position below 0");
  const count = view.getUint16(2, true);
  if (type === "snapshot" && count !== 1) throw new Error(`packed: a snapshot of ${count} channels`);
  /** @type {Section[]} */
  const sections = [];
  let [place, last] = [HEAD_BYTES, 0];
  for (let n = 0; n < count; n += 1) {
    if (place + SECTION_BYTES > view.byteLength) throw new Error("packed: a section is cut off");
    const code = view.getUint8(place);
    if (code <= last) throw new Error("packed: the channels are not in order");
    const { section, end } = sectionAt(view, place, code);
    sections.push(section);
    [place, last] = [end, code];
  }
  if (place !== view.byteLength) throw new Error(`packed: ${view.byteLength - place} bytes after the last section`);
  return { type, seq, ts, sections };
}

/** @param {DataView} view @param {number} place @param {number} code @returns {{section: Section, end: number}} */
function sectionAt(view, place, code) {
  const layout = LAYOUTS[code];
  if (!layout || view.getUint32(place, true) !== code) throw new Error(`packed: no channel ${view.getUint32(place, true)}`);
  const rows = view.getUint32(place + 4, true);
  let end = place + SECTION_BYTES;
  const at = layout.widths.map((width) => {
    const begins = end;
    end += 8 * Math.ceil((width * rows) / 8);
    return begins;
  });
  if (end > view.byteLength) throw new Error(`packed: ${rows} ${layout.channel} are cut off`);
  return { section: { channel: layout.channel, rows, at }, end };
}

/** Makes of packed frames what the JSON of the same ticks would have been. */
export class Unpacker {
  #symbols;
  /** What a tick's price is multiplied with, and then divided by: two exact integers, so that it equals the one in JSON. */
  #units;
  #scales;

  /** @param {Listing} listing  what the numbers of instruments stand for */
  constructor({ symbols, tick_sizes: sizes, decimals }) {
    this.#symbols = symbols;
    this.#scales = decimals.map((digits) => Number(`1e${digits}`));
    this.#units = sizes.map((size, number) => Math.round(size * this.#scales[number]));
  }

  /** Throws an Error where the frame is malformed in any way. @param {ArrayBuffer} frame @returns {Ticks | Snapshot} */
  decode(frame) {
    const { type, seq, ts, sections } = outline(frame);
    const data = this.#ticks(new DataView(frame), seq, sections);
    return type === "ticks" ? { type, seq, ts, data } : { type, seq, channel: sections[0].channel, data };
  }

  /**
   * In the order of the tape: step by step, and in a step channel by channel.
   *
   * @param {DataView} view @param {number} seq @param {Section[]} sections
   */
  #ticks(view, seq, sections) {
    /** @type {Tick[]} */
    const data = [];
    const next = sections.map(() => 0);
    for (;;) {
      let [oldest, chosen] = [-1, -1]; // steps before `seq`, and whose
      for (const [index, { rows, at }] of sections.entries()) {
        const step = next[index] < rows ? view.getUint32(at[1] + 4 * next[index], true) : -1;
        if (step > oldest) [oldest, chosen] = [step, index];
      }
      if (chosen < 0) return data;
      if (oldest > seq) throw new Error("packed: a tick of a step before the first");
      next[chosen] = this.#step(view, sections[chosen], next[chosen], oldest, data);
    }
  }

  /**
   * Read on in a channel, as far as the step goes.
   *
   * @param {DataView} view @param {Section} section @param {number} row @param {number} step @param {Tick[]} data
   * @returns {number} the first row that was not read
   */
  #step(view, { channel, rows, at }, row, step, data) {
    while (row < rows && view.getUint32(at[1] + 4 * row, true) === step) {
      data.push(channel === "quotes" ? this.#quote(view, at, row) : this.#trade(view, at, row));
      row += 1;
    }
    return row;
  }

  /** @param {DataView} view @param {number[]} at @param {number} row @returns {import("./messages.js").Quote} */
  #quote(view, at, row) {
    const instrument = this.#instrument(view, at[0] + 4 * row);
    const wide = 8 * row;
    return {
      ch: "quote",
      sym: this.#symbols[instrument],
      n: integer(view, at[2] + wide),
      t: integer(view, at[3] + wide),
      bid: this.#price(instrument, integer(view, at[4] + wide)),
      bsz: integer(view, at[5] + wide),
      ask: this.#price(instrument, integer(view, at[6] + wide)),
      asz: integer(view, at[7] + wide),
    };
  }

  /** @param {DataView} view @param {number[]} at @param {number} row @returns {import("./messages.js").Trade} */
  #trade(view, at, row) {
    const instrument = this.#instrument(view, at[0] + 4 * row);
    const wide = 8 * row;
    const side = SIDES[view.getUint8(at[6] + row)];
    if (!side) throw new Error("packed: a trade of no side");
    return {
      ch: "trade",
      sym: this.#symbols[instrument],
      n: integer(view, at[2] + wide),
      t: integer(view, at[3] + wide),
      px: this.#price(instrument, integer(view, at[4] + wide)),
      sz: integer(view, at[5] + wide),
      side,
    };
  }

  /** @param {DataView} view @param {number} place */
  #instrument(view, place) {
    const number = view.getInt32(place, true);
    if (number < 0 || number >= this.#symbols.length) throw new Error(`packed: no instrument has the number ${number}`);
    return number;
  }

  /** @param {number} instrument @param {number} ticks */
  #price(instrument, ticks) {
    return (ticks * this.#units[instrument]) / this.#scales[instrument];
  }
}

/** @param {DataView} view @param {number} place @returns {number} the signed integer of eight bytes that begins there */
function integer(view, place) {
  const high = view.getInt32(place + 4, true);
  if (high > HIGH_MAX || high < -HIGH_MAX) throw new Error("packed: an integer beyond 2^53");
  return high * 0x100000000 + view.getUint32(place, true);
}
