/**
 * One conversation with the server, whichever way it is led: what is wanted, how it is read, and where it stands.
 *
 *     want ──▶ connecting ──▶ live ──lost──▶ reconnecting ──▶ live
 *       any ──close, or a close code that says: do not come back──▶ closed ──drop, switchTo──▶ connecting
 *
 * Each way goes on from the position of the one before.
 */

import { LongPoll } from "./transports/long_poll.js";
import { ShortPoll } from "./transports/short_poll.js";
import { EventStream } from "./transports/sse.js";
import { Socket } from "./transports/websocket.js";

/** @import {Channel, ClientMessage, Tick} from "./messages.js" */
/** @import {Subprotocol} from "./connection.js" */
/** @import {Doing, Event, Listener, Position, Reader, Wish} from "./transports/reader.js" */
/** @typedef {"ws" | "sse" | "long-poll" | "short-poll"} Transport */
/** @typedef {"connecting" | "live" | "reconnecting" | "closed"} State */
/** @typedef {{pace: "every" | "latest", rate_hz?: number}} Pace */
/**
 * @typedef {object} Options
 * @property {URL} base
 * @property {Transport} transport
 * @property {boolean} [handshake]  be shown the upgrade
 * @property {(ticks: Tick[], seq: number) => void} onTicks
 * @property {(ticks: Tick[]) => void} onSnapshot
 * @property {(state: State, why: string) => void} onState
 * @property {(dropped: number) => void} onLag
 * @property {(epoch: string) => void} onTape  another tape, or the same begun anew: what was known is of no use
 * @property {(event: Event) => void} tap
 */

/** @type {Record<Transport, typeof Reader>} */
const READERS = { ws: Socket, sse: EventStream, "long-poll": LongPoll, "short-poll": ShortPoll };
/** @type {Doing[]} */
const GOING_ON = ["held", "streaming", "talking", "waiting"];

export class Conversation {
  /** @type {State} */
  state = "closed";
  /** As far as it has come. @type {Position} */
  #reached = { epoch: "", seq: 0 };
  /** @type {Wish} */
  #wish = { symbols: [], channels: [] };
  /** @type {Reader | null} */
  #reader = null;
  /** @type {Subprotocol} */
  #subprotocol = "ticker.v1.json";
  #options;

  /** @param {string} name @param {Options} options */
  constructor(name, options) {
    this.name = name;
    this.transport = options.transport;
    this.#options = options;
  }

  /** @returns {Position | null} */
  get position() {
    return this.#reader?.position ?? null;
  }

  get reader() {
    return this.#reader;
  }

  /** @param {string[]} symbols @param {Channel[]} channels @param {Pace} pace */
  want(symbols, channels, pace) {
    this.#wish = { symbols, channels, ...pace };
    if (this.#reader) this.#reader.talk(this.#wish);
    else this.#begin();
  }

  /** Have what one channel showed shown again, from its beginning. @param {Channel} channel */
  renew(channel) {
    const { channels } = this.#wish;
    this.#reader?.talk({ ...this.#wish, channels: channels.filter((one) => one !== channel) });
    this.#reader?.talk(this.#wish);
  }

  /** Go on another way, from here. @param {Transport} transport */
  switchTo(transport) {
    if (transport === this.transport) return;
    this.transport = transport;
    this.#begin();
  }

  /** Only a new connection can speak another language. @param {Subprotocol} subprotocol */
  speak(subprotocol) {
    this.#subprotocol = subprotocol;
    if (this.#reader instanceof Socket) this.#reader.speak(subprotocol);
  }

  /** @param {ClientMessage | string} message  a text is sent as it stands @returns {boolean} whether it was: over a WebSocket only */
  send(message) {
    return this.#reader?.send(message) ?? false;
  }

  /** Lose the connection on purpose, and come back to where we were. */
  drop() {
    if (this.state === "closed") this.#begin();
    else this.#reader?.drop("dropped by hand");
  }

  close() {
    this.#leave();
    this.#become("closed", "you disconnected");
  }

  /** @returns {Position | null} where the reader that is no more had come to */
  #leave() {
    const reader = this.#reader;
    const position = reader?.position ?? null;
    this.#reader = null; // what it still says is not heard
    reader?.stop();
    return position;
  }

  #begin() {
    const position = this.#leave();
    const { base, tap, handshake } = this.#options;
    const options = { conversation: this.name, handshake, subprotocol: this.#subprotocol, tap };
    /** @type {Reader} */
    const reader = new READERS[this.transport](base, this.#listener(() => this.#reader === reader), options);
    this.#reader = reader;
    this.#become("connecting", "");
    reader.start(this.#wish, position ?? undefined);
  }

  /** @param {() => boolean} current  whether it is still this reader that counts @returns {Listener} */
  #listener(current) {
    const { onTicks, onSnapshot, onLag } = this.#options;
    return {
      onDoing: (doing, untilMs, why) => void (current() && this.#does(doing, untilMs, why)),
      onUp: () => {},
      onDown: () => {},
      onTicks: (message) => {
        if (!current()) return;
        this.#reached.seq = message.seq;
        this.#become("live", ""); // what comes proves it
        onTicks(message.data, message.seq);
      },
      onFresh: () => void (current() && this.#arrive()),
      onSnapshot: (data) => void (current() && onSnapshot(data)),
      onLag: (dropped) => void (current() && onLag(dropped)),
      onTook: () => {},
      onReport: () => {},
    };
  }

  #arrive() {
    const position = this.position;
    if (!position) return;
    const { epoch, seq } = this.#reached;
    this.#reached = { ...position };
    if (position.epoch !== epoch || position.seq < seq) this.#options.onTape(position.epoch);
  }

  /** A held request proves nothing yet where the server was away. @param {Doing} doing @param {number | null} untilMs @param {string} why */
  #does(doing, untilMs, why) {
    const again = untilMs === null ? "" : `: again in ${((untilMs - performance.now()) / 1000).toFixed(1)} s`;
    if (doing === "lost") this.#become("reconnecting", why + again);
    else if (doing === "off" && why) this.#become("closed", why);
    else if (GOING_ON.includes(doing) && !(doing === "held" && this.state === "reconnecting")) this.#become("live", "");
  }

  /** @param {State} state @param {string} why */
  #become(state, why) {
    if (state === this.state && state === "live") return;
    this.state = state;
    this.#options.onState(state, why);
  }
}
