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
 * @property {(message: ServerMessage, bytes: number, frame: ArrayBuffer | null, text: string) => void} onMessage  with the
 *   length of its payload, and the payload itself: packed, or a text
 * @property {(message: ClientMessage, bytes: number, text: string) => void} onSent
 * @property {(text: string, bytes: number) => void} [onSaid]  what was sent as it stands, by hand
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
  #WebSocket;

  /** @param {URL} url @param {Listener} listener @param {typeof WebSocket} [Socket]  where the global one is not to be used */
  constructor(url, listener, Socket = WebSocket) {
    this.#url = url;
    this.#listener = listener;
    this.#WebSocket = Socket;
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
  hangUp(why = "you disconnected") {
    this.#forget(1000);
    this.#become("closed", why);
  }

  /** Give up this socket, and come back with another. @param {string} why */
  drop(why) {
    this.#forget(DROPPED);
    this.#lose(DROPPED, why);
  }

  /** Speak another language from now on: that is agreed upon in the handshake, so that it takes another socket. @param {Subprotocol} subprotocol */
  speak(subprotocol) {
    if (subprotocol === this.subprotocol) return;
    this.subprotocol = subprotocol;
    if (!this.#socket) return;
    this.#forget(1000);
    this.#tries = 0;
    this.#become("reconnecting", "another language");
    this.#open();
  }

  /** @param {ClientMessage} message @param {ClientMessage} [told]  what is told of it, where that differs @returns {boolean} whether it was sent */
  send(message, told = message) {
    const text = JSON.stringify(message);
    if (!this.#transmit(text)) return false;
    this.#listener.onSent(told, utf8Bytes(text), told === message ? text : JSON.stringify(told));
    return true;
  }

  /** Send what somebody has typed, whatever it is. @param {string} text @returns {boolean} whether it was sent */
  say(text) {
    if (!this.#transmit(text)) return false;
    this.#listener.onSaid?.(text, utf8Bytes(text));
    return true;
  }

  /** @param {string} text */
  #transmit(text) {
    if (this.state !== "live" || !this.#socket || this.#socket.readyState !== this.#socket.OPEN) return false;
    this.#socket.send(text);
    return true;
  }

  #open() {
    const socket = new this.#WebSocket(this.#url, this.subprotocol);
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
    this.#listener.onMessage(message, utf8Bytes(text), null, text);
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
    this.#listener.onMessage(message, frame.byteLength, frame, "");
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
    if (code !== null) close(this.#socket, code);
    this.#socket = null;
  }

  /** @param {State} state @param {string} why */
  #become(state, why) {
    this.state = state;
    this.#listener.onState(state, why);
  }
}

/**
 * A socket that is not open yet is closed once it is: else the browser complains of it.
 *
 * @param {WebSocket} socket @param {number} code
 */
function close(socket, code) {
  if (socket.readyState === socket.CONNECTING) socket.onopen = () => socket.close(code);
  else socket.close(code);
}
