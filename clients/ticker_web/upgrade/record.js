/** What this page noticed of its own upgrade: the heads, as the server tells them, and the first frames both ways. */

import { frameHead } from "../client/frames.js";

/** @import {ClientMessage, Handshake, ServerMessage} from "../client/messages.js" */
/** @typedef {{sent: boolean, message: ClientMessage | ServerMessage, bytes: number, head: (number | null)[], packed: ArrayBuffer | null}} Frame */

const FRAMES_MAX = 10;
const TICKS_MAX = 3; // of those: the rest look the same

export class Record {
  /** @type {Handshake | null} */
  handshake = null;
  /** @type {Frame[]} */
  frames = [];
  /** All frames of this conversation. */
  totals = { sent: 0, received: 0, heads: 0, payload: 0, ticks: 0 };
  #ticks = 0;

  /** Called with what changed: the whole, or one more frame. @type {() => void} */
  onChange = () => {};

  /** Another connection: another upgrade. */
  restart() {
    this.handshake = null;
    this.frames = [];
    this.totals = { sent: 0, received: 0, heads: 0, payload: 0, ticks: 0 };
    this.#ticks = 0;
    this.onChange();
  }

  /** @param {ServerMessage} message @param {number} bytes @param {ArrayBuffer | null} packed */
  received(message, bytes, packed) {
    if (message.type === "handshake") this.handshake = message;
    if (message.type === "ticks") this.totals.ticks += message.data.length;
    this.#note(false, message, bytes, packed);
  }

  /** @param {ClientMessage} message @param {number} bytes */
  sent(message, bytes) {
    this.#note(true, message, bytes, null);
  }

  /** @param {boolean} sent @param {ClientMessage | ServerMessage} message @param {number} bytes @param {ArrayBuffer | null} packed */
  #note(sent, message, bytes, packed) {
    const head = frameHead(bytes, sent, packed !== null);
    this.totals[sent ? "sent" : "received"] += 1;
    this.totals.heads += head.length;
    this.totals.payload += bytes;
    const ordinary = "type" in message && message.type === "ticks";
    if (this.frames.length >= FRAMES_MAX || (ordinary && (this.#ticks += 1) > TICKS_MAX)) return;
    this.frames.push({ sent, message, bytes, head, packed });
    this.onChange();
  }
}
