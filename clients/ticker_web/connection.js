/**
 * One WebSocket after another.
 *
 *     connecting ──welcome──▶ live ──lost──▶ reconnecting ──welcome──▶ live
 *         any ──hangUp, or a close code that says: do not come back──▶ closed ──dial──▶ connecting
 */

import { waitMs } from "./backoff.js";
import { utf8Bytes } from "./frames.js";
import { Unpacker } from "./packed.js";

/** @import {ClientMessage, ServerMessage} from "./messages.js" */
/** @typedef {"ticker.v1.json" | "ticker.v1.packed"} Subprotocol */
/** @typedef {"connecting" | "live" | "reconnecting" | "closed"} State */
/**
 * @typedef {object} Listener
 * @property {(state: State, why: string) => void} onState
 * @property {(message: ServerMessage, bytes: number, frame: ArrayBuffer | null) => void} onMessage  with the length of its
 *   payload, and the payload itself where it was packed
 * @property {(message: ClientMessage, bytes: number) => void} onSent
 */

const STEADY_MS = 5_000; // a connection that held this long has earned a quick retry
const SILENT_BEATS = 2; // heartbeats that may fail to come before we think the server gone
const DROPPED = 4000; // our close code where we give up

export class Connection {
  /** @type {State} */
  state = "closed";
  /** What to speak from the next socket on. @type {Subprotocol} */
  subprotocol = "ticker.v1.json";
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Unpacker | null} */
  #unpacker = null;
  #tries = 0;
  #liveSinceMs = 0;
  #heard = false;
  /** @type {number | null} */
  #askedS = null;
  #retry = 0;
  #watch = 0;
  #url;
  #listener;

  /** @param {URL} url @param {Listener} listener */
  constructor(url, listener) {
    this.#url = url;
    this.#listener = listener;
  }

  /** Whether frames are deflated on their way. */
  get compressed() {
    return this.#socket?.extensions.includes("permessage-deflate") ?? false;
  }

  /** Connect, now; does nothing while connected. */
  dial() {
    if (this.#socket) return;
    this.#tries = 0;
    this.#become("connecting", "");
    this.#open();
  }

  /** Go, and stay away until the next `dial`. */
  hangUp() {
    this.#forget(1000);
    this.#become("closed", "you disconnected");
  }

  /** Give up this socket, and come back with another. @param {string} why */
  drop(why) {
    this.#forget(DROPPED);
    this.#lose(DROPPED, why);
  }

  /** @param {ClientMessage} message @returns {boolean} whether it was sent */
  send(message) {
    if (this.state !== "live" || this.#socket?.readyState !== WebSocket.OPEN) return false;
    const text = JSON.stringify(message);
    this.#socket.send(text);
    this.#listener.onSent(message, utf8Bytes(text));
    return true;
  }

  #open() {
    const socket = new WebSocket(this.#url, this.subprotocol);
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event) => (typeof event.data === "string" ? this.#hear(event.data) : this.#unpack(event.data));
    socket.onclose = (event) => this.#lose(event.code, event.reason);
    this.#socket = socket;
    this.#unpacker = null;
    this.#askedS = null;
  }

  /** @param {string} text */
  #hear(text) {
    /** @type {ServerMessage} */
    const message = JSON.parse(text);
    this.#heard = true;
    if (message.type === "closing") this.#askedS = message.reconnect_after_s;
    if (message.type === "welcome") {
      this.#liveSinceMs = performance.now();
      this.#keepWatch(message.heartbeat_s * 1000);
      this.#become("live", "");
    }
    if (message.type === "instruments") this.#unpacker = new Unpacker(message);
    this.#listener.onMessage(message, utf8Bytes(text), null);
  }

  /** @param {ArrayBuffer} frame */
  #unpack(frame) {
    this.#heard = true;
    let message;
    try {
      if (!this.#unpacker) throw new Error("packed: a frame before the list of instruments");
      message = this.#unpacker.decode(frame);
    } catch (error) {
      return this.drop(/** @type {Error} */ (error).message);
    }
    this.#listener.onMessage(message, frame.byteLength, frame);
  }

  /** @param {number} code @param {string} reason */
  #lose(code, reason) {
    const was = `${reason || (this.state === "live" ? "connection lost" : "no answer")} (${code})`;
    if (this.state === "live" && performance.now() - this.#liveSinceMs > STEADY_MS) this.#tries = 0;
    this.#forget(null);
    if (code >= 4500 && code <= 4999) {
      this.#become("closed", was);
      return;
    }
    const delayMs = waitMs(this.#tries, this.#askedS);
    this.#tries += 1;
    this.#retry = setTimeout(() => this.#open(), delayMs);
    this.#become("reconnecting", `${was}: try ${this.#tries} in ${(delayMs / 1000).toFixed(1)} s`);
  }

  /**
   * A browser cannot ping, and a vanished server says nothing. Silence is counted in our own beats, not in elapsed time:
   * a tab that slept wakes up with one beat, and then hears what has been waiting.
   *
   * @param {number} beatMs
   */
  #keepWatch(beatMs) {
    let silent = 0;
    clearInterval(this.#watch);
    this.#watch = setInterval(() => {
      silent = this.#heard ? 0 : silent + 1;
      this.#heard = false;
      if (silent >= SILENT_BEATS) this.drop("nothing heard");
    }, beatMs);
  }

  /** @param {number | null} code  to close with, where it is not closed already */
  #forget(code) {
    clearTimeout(this.#retry);
    clearInterval(this.#watch);
    if (!this.#socket) return;
    this.#socket.onmessage = this.#socket.onclose = null;
    if (code !== null) this.#socket.close(code);
    this.#socket = null;
  }

  /** @param {State} state @param {string} why */
  #become(state, why) {
    this.state = state;
    this.#listener.onState(state, why);
  }
}
