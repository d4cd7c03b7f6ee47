/**
 * One conversation with the server, whichever way it is led: how it is read, and where it stands.
 *
 *     ask ──▶ connecting ──▶ live ──lost──▶ reconnecting ──▶ live
 *       any ──close, or a close code that says: do not come back──▶ closed ──drop, switchTo──▶ connecting
 *
 * Each way goes on from the position of the one before.
 */

import { among, check, checkSocket, positionOf, TRANSPORTS } from "./options.js";
import { Speaker } from "./speaker.js";
import { LongPoll } from "./transports/long_poll.js";
import { ShortPoll } from "./transports/short_poll.js";
import { EventStream } from "./transports/sse.js";
import { Socket } from "./transports/websocket.js";

/** @import {Channel, ClientMessage, Lag, Tick, Ticks} from "./messages.js" */
/** @import {Gap} from "./numbers.js" */
/** @import {Encoding, Options, Transport} from "./options.js" */
/** @import {Doing, Listener, Position} from "./transports/exchange.js" */
/** @import {Reader} from "./transports/reader.js" */
/** @import {Wish} from "./wish.js" */
/** @typedef {"connecting" | "live" | "reconnecting" | "closed"} State */
/** @typedef {Ticks | {type: "snapshot", seq: number, data: Tick[]}} Message */
/**
 * What is told, by `on(name, listener)`.
 *
 * @typedef {object} Events
 * @property {[message: Message]} message  ticks, or a snapshot of what is newly wanted; who listens to it does not iterate
 * @property {[gap: Gap]} gap  a hole in `n`: these were sent and never came
 * @property {[lag: Lag]} lag  the server says what it left out or merged
 * @property {[state: State, why: string]} state
 * @property {[why: string]} reconnect  it is live again; why it was not
 * @property {[why: string]} fresh  there was no going on from our position: a snapshot comes, and what is after it
 * @property {[epoch: string]} tape  another tape, or the same begun anew: what was known is of no use
 * @property {[why: string]} refused  what is wanted cannot be had, such as a symbol that is not there any more
 */

/** @type {Record<Transport, typeof Reader>} */
const READERS = { ws: Socket, sse: EventStream, "long-poll": LongPoll, "short-poll": ShortPoll };
/** @type {Doing[]} */
const GOING_ON = ["held", "streaming", "talking", "waiting"];
const WINDOW = 64; // messages: as much as two flushes of a busy feed

/** @extends {Speaker<Events>} */
export class Conversation extends Speaker {
  /** @type {State} */
  state = "closed";
  /** @type {Wish} */
  wish = { symbols: [], channels: [] };
  /** As far as it has come. @type {Position} */
  reached = { epoch: "", seq: 0 };
  /** Why it is not live. */
  #trouble = "";
  /** @type {Reader | null} */
  #reader = null;
  /** Where the first reader begins. @type {Position | undefined} */
  #from;
  #base;
  #options;

  /** @param {URL} base @param {Options} options */
  constructor(base, options) {
    super();
    check(options);
    checkSocket(options.transport ?? "ws", options.WebSocket);
    this.name = options.name ?? "";
    this.transport = options.transport ?? "ws";
    this.encoding = options.encoding ?? "json";
    this.#from = options.from === undefined ? undefined : positionOf(options.from);
    this.#base = base;
    this.#options = options;
  }

  /** As far as it has come; null where nothing has. @returns {Position | null} */
  get position() {
    return this.#reader?.position ?? null;
  }

  get reader() {
    return this.#reader;
  }

  /** Whether the server said not to come back. */
  get over() {
    return this.state === "closed" && this.#reader !== null;
  }

  /** Want this from now on; the first time connects. @param {Wish} wish */
  ask(wish) {
    this.wish = wish;
    if (this.#reader) this.#reader.talk(wish);
    else this.#begin();
    if (this.#reader?.idle && !this.#reader.remembers) this.took(wish); // there is nobody to tell
  }

  /** Have what one channel showed shown again, from its beginning. @param {Channel} channel */
  renew(channel) {
    const { channels } = this.wish;
    this.#reader?.talk({ ...this.wish, channels: channels.filter((one) => one !== channel) });
    this.#reader?.talk(this.wish);
  }

  /** Go on another way, from here. @param {Transport} transport */
  switchTo(transport) {
    if (transport === this.transport) return;
    among(transport, TRANSPORTS, "a transport");
    checkSocket(transport, this.#options.WebSocket);
    this.transport = transport;
    this.#begin();
  }

  /** Have ticks come in another encoding: over "ws" only a new connection can. @param {Encoding} encoding */
  speak(encoding) {
    check({ encoding });
    this.encoding = encoding;
    if (this.#reader instanceof Socket) this.#reader.speak(`ticker.v1.${encoding}`);
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

  /** Hang up. */
  close() {
    this.#leave();
    this.#become("closed", "you disconnected");
  }

  // What a feed does with it.

  /** Ticks off the stream. @param {Ticks} _message @returns {void | Promise<unknown>} fulfilled when they have been processed */
  take(_message) {}

  /** @param {Tick[]} _data  a snapshot */
  show(_data) {}

  /** What was known is of no use. */
  forget() {}

  /** From now on the server knows this wish. @param {Wish} _wish */
  took(_wish) {}

  /** @param {string} why */
  refuse(why) {
    this.tell("refused", why);
  }

  /** There is no going on. @param {string} _why */
  end(_why) {}

  // How it is led.

  /** @returns {Position | null} where the reader that is no more had come to */
  #leave() {
    const reader = this.#reader;
    const position = reader?.position ?? null;
    this.#reader = null; // what it still says is not heard
    reader?.stop();
    return position;
  }

  #begin() {
    const position = this.#leave() ?? this.#from;
    const { tap, handshake, meter, intervalMs, window = WINDOW, WebSocket, token } = this.#options;
    const subprotocol = /** @type {const} */ (`ticker.v1.${this.encoding}`);
    const options = { conversation: this.name, handshake, subprotocol, tap, meter, window, WebSocket, token };
    /** @type {Reader} */
    const reader = new READERS[this.transport](this.#base, this.#listener(() => this.#reader === reader), options);
    if (reader instanceof ShortPoll && intervalMs) reader.intervalMs = intervalMs;
    this.#reader = reader;
    this.#from = undefined;
    this.#become("connecting", "");
    reader.start(this.wish, position);
  }

  /** @param {() => boolean} current  whether it is still this reader that counts @returns {Listener} */
  #listener(current) {
    return {
      onDoing: (doing, untilMs, why) => void (current() && this.#does(doing, untilMs, why)),
      onUp: () => {},
      onDown: () => {},
      onTicks: (message) => {
        if (!current()) return;
        this.reached.seq = message.seq;
        this.#become("live", ""); // what comes proves it
        return this.take(message);
      },
      onFresh: (why) => void (current() && this.#arrive(why)),
      onSnapshot: (data) => void (current() && this.show(data)),
      onLag: (_dropped, lag) => void (current() && this.tell("lag", lag)),
      onTook: (wish) => void (current() && this.took(wish)),
      onReport: () => {},
      onRefused: (why) => void (current() && this.refuse(why)),
    };
  }

  /** @param {string} why */
  #arrive(why) {
    const position = this.position;
    if (!position) return;
    const { epoch, seq } = this.reached;
    this.reached = { ...position };
    if (position.epoch !== epoch || position.seq < seq) {
      this.forget();
      this.tell("tape", position.epoch);
    }
    if (why && epoch) this.tell("fresh", why);
  }

  /** A held request proves nothing yet where the server was away. @param {Doing} doing @param {number | null} untilMs @param {string} why */
  #does(doing, untilMs, why) {
    const again = untilMs === null ? "" : `: again in ${((untilMs - performance.now()) / 1000).toFixed(1)} s`;
    if (doing === "lost") this.#become("reconnecting", why + again);
    else if (doing === "off" && why) {
      this.#become("closed", why);
      this.end(why);
    } else if (GOING_ON.includes(doing) && !(doing === "held" && this.state === "reconnecting")) this.#become("live", "");
  }

  /** @param {State} state @param {string} why */
  #become(state, why) {
    if (state === this.state && state === "live") return;
    const before = this.state;
    this.state = state;
    this.tell("state", state, why);
    if (state === "live" && before === "reconnecting") this.tell("reconnect", this.#trouble);
    if (state === "reconnecting" && before !== "reconnecting") this.#trouble = why;
  }
}
