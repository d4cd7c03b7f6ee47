/**
 * Packed frames (`ticker.v1.packed`): ticks as columns of little-endian numbers, read where they lie.
 *
 *     head     u8 kind (1 ticks, 2 snapshot), u8 version, u16 sections, u32 0, u64 seq, i64 ts
 *     section  u8 channel (its place in CHANNELS, from 1), 3 × 0, u32 rows, then its columns
 *
 * A column holds one field of all rows, and zeros up to a multiple of eight bytes. Instruments are numbers, prices are
 * whole ticks, and the `instruments` message says of what: everything else that JSON repeats in every tick is left out.
 * 64-bit integers are read as two halves, for a Number holds all of ours exactly, and BigInts would be slow.
 */

import { CHANNELS } from "./channels.js";
import { integer, READ } from "./packed_ticks.js";

/** @import {Channel, Listing, Snapshot, Tick, Ticks} from "./messages.js" */
/** @typedef {{channel: Channel, rows: number, at: number[]}} Section  `at`: where each column begins, in bytes */
/** @typedef {{type: "ticks" | "snapshot", seq: number, ts: number, sections: Section[]}} Outline */

export const HEAD_BYTES = 24;
const SECTION_BYTES = 8;
const VERSION = 1;

/** @type {(Outline["type"] | undefined)[]} by code */
const KINDS = [undefined, "ticks", "snapshot"];
const SHARED = [4, 4, 8, 8]; // instrument, step, n, t
const BAR = [8, 8, 8, 8, 8, 8, 8, 1]; // open_ticks, high_ticks, low_ticks, close_ticks, volume, turnover, trades, done
/** @type {Record<Channel, number[]>} bytes of a value, column by column after those that all have */
const WIDTHS = {
  status: [1, 1, 8, 8, 8, 8], // state, reason, price_ticks, size, value_ppm, ref
  quotes: [8, 8, 8, 8], // bid_ticks, bid_size, ask_ticks, ask_size
  book: [1, 8, 8, 8, 1], // side, price_ticks, size, crc, fresh
  trades: [8, 8, 1], // price_ticks, size, side
  "bars.1s": BAR,
  "bars.1m": BAR,
  stats: [8, 8, 8, 8, 8, 8, 8, 8], // open_ticks, high_ticks, low_ticks, last_ticks, previous_ticks, volume, turnover, trades
};

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
  const channel = CHANNELS[code - 1];
  if (!channel || view.getUint32(place, true) !== code) throw new Error(`packed: no channel ${view.getUint32(place, true)}`);
  const rows = view.getUint32(place + 4, true);
  let end = place + SECTION_BYTES;
  const at = [...SHARED, ...WIDTHS[channel]].map((width) => {
    const begins = end;
    end += 8 * Math.ceil((width * rows) / 8);
    return begins;
  });
  if (end > view.byteLength) throw new Error(`packed: ${rows} ${channel} are cut off`);
  return { section: { channel, rows, at }, end };
}

/** A row of a section, and the grid of its instrument: one of these goes through all rows of a frame. */
class Cursor {
  units = 1;
  scale = 1;
  #at = 0;
  #columns;
  #view;

  /** @param {DataView} view @param {Section} section */
  constructor(view, section) {
    this.#view = view;
    this.#columns = section.at;
  }

  /** @param {number} row */
  go(row) {
    this.#at = row;
  }

  get instrument() {
    return this.#view.getInt32(this.#columns[0] + 4 * this.#at, true);
  }

  get n() {
    return integer(this.#view, this.#columns[2] + 8 * this.#at);
  }

  get t() {
    return integer(this.#view, this.#columns[3] + 8 * this.#at);
  }

  /** @param {number} column  after those that all channels have */
  wide(column) {
    return integer(this.#view, this.#columns[SHARED.length + column] + 8 * this.#at);
  }

  /** @param {number} column  after those that all channels have */
  narrow(column) {
    return this.#view.getUint8(this.#columns[SHARED.length + column] + this.#at);
  }
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
  #step(view, section, row, step, data) {
    const cursor = new Cursor(view, section);
    const read = READ[section.channel];
    while (row < section.rows && view.getUint32(section.at[1] + 4 * row, true) === step) {
      cursor.go(row);
      const { instrument } = cursor;
      const sym = this.#symbols[instrument];
      if (sym === undefined) throw new Error(`packed: no instrument has the number ${instrument}`);
      cursor.units = this.#units[instrument];
      cursor.scale = this.#scales[instrument];
      data.push(read({ sym, n: cursor.n, t: cursor.t }, cursor));
      row += 1;
    }
    return row;
  }
}
