/** WebSocket: one upgraded connection on which both ends talk when they like. The server remembers what we asked for. */

import { Acks } from "../acks.js";
import { current, HIDDEN } from "../bearer.js";
import { Connection } from "../connection.js";
import { frameHead } from "../frames.js";
import { added, pieces } from "../wish.js";
import { Reader } from "./reader.js";
import { lateness } from "./tap.js";
import { Trouble } from "./trouble.js";

/** @import {State, Subprotocol} from "../connection.js" */
/** @import {ClientMessage, Refused, ServerMessage, Ticks, Welcome} from "../messages.js" */
/** @import {Part, Wish} from "../wish.js" */
/** @import {Listener, Options} from "./exchange.js" */

const REMIND_MS = 250;
/** @type {Wish} */
const NOTHING = { symbols: [], channels: [] };
/** @type {Partial<Record<State, string>>} what there is to say where nobody says why */
const BECAME = { connecting: "an upgrade is asked for", live: "upgraded and welcomed: both ends may talk" };
const STALE = ["gone", "bad_position"];
const NEVER = ["bad_request", "forbidden", "too_many_symbols", "unknown_channel", "unknown_symbol"]; // what is wanted cannot be had

export class Socket extends Reader {
  #id = 0;
  #symbolsMax = 0;
  /** @type {Wish | null} */
  #granted = null;
  /** @type {{ids: Set<number>, wish: Wish} | null} */
  #outstanding = null;
  /** @type {(error: Error) => void} */
  #fail = () => {};
  #connection;
  /** Of this connection. */
  #acks = this.#newAcks();

  /** @param {URL} base @param {Listener} listener @param {Options} [options] */
  constructor(base, listener, options = {}) {
    super(base, listener, options);
    const url = new URL(options.handshake ? "v1/stream?handshake=true" : "v1/stream", base);
    url.protocol = url.protocol.replace("http", "ws");
    this.#connection = new Connection(url, {
      onState: (state, why) => this.#became(state, why),
      onMessage: (message, bytes, frame, text) => this.#received(message, bytes, frame, text),
      onSent: (message, bytes, text) => {
        if (message.op !== "ack") this.counts.frames += 1; // acks go out now and then, whatever is asked for
        this.#sent(message.op, bytes, text, message);
      },
      onSaid: (text, bytes) => this.#sent("by hand", bytes, text),
    }, options.WebSocket);
    if (options.subprotocol) this.#connection.subprotocol = options.subprotocol;
  }

  /** @override */
  get remembers() {
    return true;
  }

  /** Whether frames are deflated on their way. */
  get compressed() {
    return this.#connection.compressed;
  }

  /** Another language, on another socket, from where we are. @param {Subprotocol} subprotocol */
  speak(subprotocol) {
    this.#connection.speak(subprotocol);
  }

  /** Say something by hand; a text is sent as it stands. @override @param {ClientMessage | string} message */
  send(message) {
    return typeof message === "string" ? this.#connection.say(message) : this.#connection.send(message);
  }

  /** Acknowledge now what has been processed, and not with the next fifty. @returns {boolean} whether it was sent */
  ack() {
    return this.#acks.flush();
  }

  /** @override @param {string} why */
  drop(why) {
    if (this.#connection.state === "closed") super.drop(why);
    else this.#connection.drop(why);
  }

  /** @override */
  change() {
    if (this.#granted && !this.#outstanding) this.#ask(this.#granted);
  }

  /** @override @param {AbortSignal} signal */
  async read(signal) {
    const over = new Promise((_, reject) => (this.#fail = reject));
    let why = "this page hung up";
    const hangUp = () => this.#fail(new Trouble(why));
    signal.addEventListener("abort", hangUp);
    const reminder = setInterval(() => this.#acks.remind(), REMIND_MS);
    try {
      this.doing("opening");
      this.#connection.dial();
      await over;
    } catch (error) {
      why = /** @type {Error} */ (error).message;
      throw error;
    } finally {
      clearInterval(reminder);
      signal.removeEventListener("abort", hangUp);
      this.#granted = this.#outstanding = null;
      this.#connection.hangUp(why);
    }
  }

  /** @param {State} state @param {string} why */
  #became(state, why) {
    this.tell({ way: "note", kind: state, bytes: 0, text: why || BECAME[state] });
    if (state === "live") {
      this.counts.requests += 1; // the upgrade
      this.counts.connections += 1;
    }
    if (state === "reconnecting") {
      this.#granted = this.#outstanding = null;
      this.doing("lost", { why });
    }
    if (state === "closed") this.#fail(new Trouble(why, { final: true }));
  }

  /** @param {string} kind @param {number} bytes @param {string} text @param {ClientMessage} [decoded]  what it was spelled from */
  #sent(kind, bytes, text, decoded) {
    this.counts.heads += frameHead(bytes, true).length;
    this.listener.onUp();
    this.tell({ way: "sent", kind, bytes, text, decoded });
  }

  /** @param {ServerMessage} message @param {number} bytes @param {ArrayBuffer | null} frame @param {string} text */
  #received(message, bytes, frame, text) {
    this.counts.heads += frameHead(bytes, false).length;
    this.down(bytes);
    const body = frame ? { frame } : { text };
    const latencyMs = message.type === "ticks" ? lateness(message.ts) : undefined;
    this.tell({ way: "received", kind: message.type, bytes, ...body, decoded: message, latencyMs });
    this.#hear(message);
  }

  /** @param {ServerMessage} message */
  #hear(message) {
    switch (message.type) {
      case "welcome":
        return this.#begin(message);
      case "ticks":
        return this.#take(message);
      case "window":
        return this.#acks.window(message.size);
      case "snapshot":
        return this.listener.onSnapshot(message.data);
      case "lag":
        return this.listener.onLag(message.dropped, message);
      case "heartbeat":
        return this.#moveOn(message.seq);
      case "recovered":
        return message.complete ? undefined : this.listener.onFresh("what lies between is gone: the server said so");
      case "subscribed":
      case "unsubscribed":
        return this.#settle(message.id);
      case "error":
        return this.#refused(message);
    }
  }

  /** @param {Welcome} welcome */
  #begin(welcome) {
    const position = this.position;
    const joins = position && position.epoch === welcome.epoch && position.seq <= welcome.seq + (welcome.limits.ahead ?? 0);
    if (!joins && !this.latest && !this.idle) return this.#fail(new Trouble("another tape", { stale: true }));
    if (!joins) this.begin({ epoch: welcome.epoch, seq: welcome.seq, data: [] }, position ? "another tape: began afresh" : "");
    this.#symbolsMax = welcome.limits.symbols;
    this.#acks = this.#newAcks();
    this.doing("talking");
    const token = current(this.options.token);
    if (welcome.auth_required && token) this.#connection.send({ op: "auth", token }, { op: "auth", token: HIDDEN });
    if (this.options.window) this.#connection.send({ op: "window", size: this.options.window });
    if (this.idle) this.#granted = this.wish;
    else this.#require(this.#subscriptions(added(NOTHING, this.wish), this.latest ? {} : { from: this.since }));
  }

  #newAcks() {
    return new Acks((message) => this.#connection.send(message));
  }

  /** What was processed after its connection was lost is not acknowledged on another. @param {Ticks} message */
  #take(message) {
    const acks = this.#acks;
    const processed = () => void (acks === this.#acks && acks.processed(message.seq));
    const later = this.deliver(message);
    if (later) void later.then(processed);
    else processed();
  }

  /** The tape went on, with nothing in it for us. @param {number} seq */
  #moveOn(seq) {
    if (this.position && this.#granted) this.position.seq = seq;
  }

  /** Give back what is not wanted any more, and ask for what is wanted beyond what is granted. @param {Wish} granted */
  #ask(granted) {
    const { wish } = this;
    const paced = granted.pace !== wish.pace || granted.rate_hz !== wish.rate_hz;
    /** @type {ClientMessage[]} */
    const given = pieces(added(wish, granted), this.#symbolsMax).map((piece) => ({ op: "unsubscribe", ...piece }));
    const wanted = added(paced ? NOTHING : granted, wish);
    this.#require([...given, ...this.#subscriptions(wanted, {})]);
  }

  /** @param {Part[]} parts @param {{from?: string}} since @returns {ClientMessage[]} */
  #subscriptions(parts, since) {
    const { pace, rate_hz } = this.wish;
    const manner = pace ? { pace, ...(pace === "latest" && rate_hz && { rate_hz }) } : {};
    return pieces(parts, this.#symbolsMax).map((piece) => ({ op: "subscribe", ...piece, ...manner, ...since }));
  }

  /** Send what makes our wish come true, and wait until all of it is granted. @param {ClientMessage[]} messages */
  #require(messages) {
    const outstanding = { ids: /** @type {Set<number>} */ (new Set()), wish: this.wish };
    this.#outstanding = outstanding;
    for (const message of messages) {
      const id = (this.#id += 1);
      outstanding.ids.add(id);
      this.#connection.send({ ...message, id });
    }
    if (messages.length === 0) this.#granting(outstanding.wish);
  }

  /** @param {number | undefined} id */
  #settle(id) {
    const outstanding = this.#outstanding;
    if (id === undefined || !outstanding?.ids.delete(id) || outstanding.ids.size > 0) return;
    this.#granting(outstanding.wish);
  }

  /** @param {Wish} wish */
  #granting(wish) {
    this.#outstanding = null;
    this.#granted = wish;
    this.took(wish);
    if (this.wish !== wish) this.change();
  }

  /** An answer to what somebody said by hand is theirs; to what we asked for, there is no going on. @param {Refused} refusal */
  #refused({ id, code, message, details }) {
    if (id === undefined || !this.#outstanding?.ids.has(id)) return;
    const refused = NEVER.includes(code) ? `${code}: ${message}` : "";
    const final = code === "unauthorized";
    const told = { stale: STALE.includes(code), refused, final, askedS: details?.retry_after_s ?? null };
    this.#fail(new Trouble(final ? `${code}: ${message}` : code, told));
  }
}
