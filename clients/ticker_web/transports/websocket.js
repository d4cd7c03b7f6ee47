/** WebSocket: one upgraded connection on which both ends talk when they like. The server remembers what we asked for. */

import { Acks } from "../acks.js";
import { Connection } from "../connection.js";
import { frameHead } from "../frames.js";
import { Reader, Trouble } from "./reader.js";

/** @import {ClientMessage, ServerMessage, Welcome} from "../messages.js" */
/** @import {State} from "../connection.js" */
/** @import {Wish} from "./reader.js" */

const REMIND_MS = 250;

export class Socket extends Reader {
  #id = 0;
  /** @type {Wish | null} */
  #granted = null;
  /** @type {{id: number, wish: Wish} | null} */
  #outstanding = null;
  /** @type {(error: Error) => void} */
  #fail = () => {};
  #connection;
  #acks;

  /** @param {URL} base @param {import("./reader.js").Listener} listener */
  constructor(base, listener) {
    super(base, listener);
    const url = new URL("v1/stream", base);
    url.protocol = url.protocol.replace("http", "ws");
    this.#connection = new Connection(url, {
      onState: (state, why) => this.#became(state, why),
      onMessage: (message, bytes) => this.#hear(message, bytes),
      onSent: (message, bytes) => {
        if (message.op !== "ack") this.counts.frames += 1; // acks go out now and then, whatever is asked for
        this.counts.heads += frameHead(bytes, true).length;
        this.listener.onUp();
      },
    });
    this.#acks = new Acks((message) => this.#connection.send(message));
  }

  /** @override */
  change() {
    if (this.#granted) this.#ask(this.#granted);
  }

  /** @override @param {AbortSignal} signal */
  async read(signal) {
    const over = new Promise((_, reject) => (this.#fail = reject));
    const hangUp = () => this.#fail(new Trouble("closed"));
    signal.addEventListener("abort", hangUp);
    const reminder = setInterval(() => this.#acks.remind(), REMIND_MS);
    try {
      this.doing("opening");
      this.#connection.dial();
      await over;
    } finally {
      clearInterval(reminder);
      signal.removeEventListener("abort", hangUp);
      this.#granted = null;
      this.#connection.hangUp();
    }
  }

  /** @param {State} state @param {string} why */
  #became(state, why) {
    if (state === "live") {
      this.counts.requests += 1; // the upgrade
      this.counts.connections += 1;
    }
    if (state === "reconnecting") {
      this.#granted = null;
      this.doing("lost", { why });
    }
    if (state === "closed") this.#fail(new Trouble(why));
  }

  /** @param {ServerMessage} message @param {number} bytes */
  #hear(message, bytes) {
    this.counts.heads += frameHead(bytes, false).length;
    this.down(bytes);
    switch (message.type) {
      case "welcome":
        return this.#begin(message);
      case "ticks":
        this.deliver(message);
        return this.#acks.processed(message.seq);
      case "snapshot":
        return this.listener.onSnapshot(message.data);
      case "lag":
        return this.listener.onLag(message.dropped);
      case "subscribed":
      case "unsubscribed":
        return this.#settle(message.id);
      case "error":
        return this.#fail(new Trouble(message.code, { stale: ["gone", "bad_position"].includes(message.code) }));
    }
  }

  /** @param {Welcome} welcome */
  #begin(welcome) {
    const position = this.position;
    if (!position || position.epoch !== welcome.epoch || position.seq > welcome.seq) {
      return this.#fail(new Trouble("another tape", { stale: true }));
    }
    this.#acks.restart();
    this.doing("talking");
    this.#outstanding = { id: (this.#id += 1), wish: this.wish };
    this.#connection.send({ op: "subscribe", ...this.wish, from: this.since, id: this.#id });
  }

  /** Ask for what is wanted beyond what is granted, and give back the rest. @param {Wish} granted */
  #ask(granted) {
    const { symbols, channels } = this.wish;
    const kept = granted.symbols.filter((symbol) => symbols.includes(symbol));
    const dropped = granted.symbols.filter((symbol) => !symbols.includes(symbol));
    const idle = granted.channels.filter((channel) => !channels.includes(channel));
    if (dropped.length > 0) this.#say({ op: "unsubscribe", channels: granted.channels, symbols: dropped });
    if (idle.length > 0 && kept.length > 0) this.#say({ op: "unsubscribe", channels: idle, symbols: kept });
    if (idle.length === 0 || dropped.length > 0) this.#say({ op: "subscribe", channels, symbols });
    this.#outstanding = { id: this.#id, wish: this.wish };
  }

  /** @param {ClientMessage} message */
  #say(message) {
    this.#connection.send({ ...message, id: (this.#id += 1) });
  }

  /** @param {number | undefined} id */
  #settle(id) {
    if (this.#outstanding?.id !== id) return;
    this.#granted = this.#outstanding?.wish ?? null;
    this.#outstanding = null;
    if (!this.#granted) return;
    this.took(this.#granted);
    if (this.wish !== this.#granted) this.change();
  }
}
