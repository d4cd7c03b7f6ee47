/**
 * The last frames both ways, as they came. Nothing is decoded before somebody looks; and where frames are long, only the
 * newest of them keep what they said, so that looking on costs no more memory after an hour than after a minute.
 */

import { Unpacker } from "../client/packed.js";
import { packedWords } from "../packed_frame.js";

/** @import {Listing, Snapshot, Ticks} from "../client/messages.js" */
/** @import {Event} from "../client/transports/tap.js" */
/**
 * @typedef {object} Frame
 * @property {number} number  counted from 1
 * @property {Event["way"]} way
 * @property {string} conversation
 * @property {string} kind
 * @property {number} atMs
 * @property {number} bytes
 * @property {number} [latencyMs]
 * @property {string | ArrayBuffer | null} body  null where it was too much to keep
 * @property {Unpacker | null} unpacker  for a packed body
 * @property {boolean} matches  the filter
 */
/** @typedef {{words: string, conversation: string}} Sieve  words in lower letters, or ""; a conversation, or "" */

const FRAMES_MAX = 500;
const BODIES_MAX = 4_000_000; // bytes of them all
const LINE_MAX = 240; // characters of a frame that a line shows, and more

export class Kept {
  /** Newest last. @type {Frame[]} */
  frames = [];
  /** Of all frames ever. */
  count = 0;
  /** @type {Sieve} */
  #sieve = { words: "", conversation: "" };
  #bodies = 0;
  /** The oldest that still has its body. */
  #bodied = 0;
  /** By conversation. @type {Map<string, Unpacker>} */
  #unpackers = new Map();

  /** @param {Event} event */
  add({ way, conversation, kind, atMs, bytes, latencyMs, text = "", frame, decoded }) {
    if (kind === "instruments" && decoded) this.#unpackers.set(conversation, new Unpacker(/** @type {Listing} */ (decoded)));
    const unpacker = frame ? (this.#unpackers.get(conversation) ?? null) : null;
    this.count += 1;
    /** @type {Frame} */
    const made = { number: this.count, way, conversation, kind, atMs, bytes, latencyMs, body: frame ?? text, unpacker, matches: false };
    made.matches = this.#passes(made);
    this.frames.push(made);
    this.#bodies += size(made);
    this.#forget();
  }

  /** @returns {Frame[]} those that pass, newest first */
  passing() {
    return this.frames.filter((frame) => frame.matches).reverse();
  }

  /** @param {Sieve} sieve */
  sift(sieve) {
    this.#sieve = sieve;
    for (const frame of this.frames) frame.matches = this.#passes(frame);
  }

  clear() {
    this.frames = [];
    this.#bodies = this.#bodied = 0;
  }

  #forget() {
    if (this.frames.length > FRAMES_MAX) {
      const [oldest] = this.frames.splice(0, 1);
      this.#bodies -= size(oldest);
      this.#bodied = Math.max(0, this.#bodied - 1);
    }
    while (this.#bodies > BODIES_MAX && this.#bodied < this.frames.length - 1) {
      const frame = this.frames[this.#bodied];
      this.#bodies -= size(frame);
      frame.body = null;
      this.#bodied += 1;
    }
  }

  /** @param {Frame} frame */
  #passes(frame) {
    const { words, conversation } = this.#sieve;
    if (conversation && frame.conversation !== conversation) return false;
    return !words || frame.kind.toLowerCase().includes(words) || wholeText(frame).toLowerCase().includes(words);
  }
}

/** @param {Frame} frame */
const size = ({ body }) => (body === null ? 0 : typeof body === "string" ? body.length : body.byteLength);

/** @param {Frame} frame @returns {string} the beginning of what it says, in one line */
export function line(frame) {
  const { body } = frame;
  if (body === null) return "(too much to keep)";
  if (typeof body !== "string") return packedWords(body);
  return body.slice(0, LINE_MAX).replaceAll("\n", " ");
}

/** @param {Frame} frame @returns {string} all that it says: of a packed one, what JSON would have said */
export function wholeText(frame) {
  const { body } = frame;
  if (typeof body === "string") return body;
  return body === null ? "" : JSON.stringify(decoded(frame));
}

/** @param {Frame} frame @returns {Ticks | Snapshot | null} what a packed one says */
export function decoded({ body, unpacker }) {
  return body instanceof ArrayBuffer && unpacker ? unpacker.decode(body) : null;
}
