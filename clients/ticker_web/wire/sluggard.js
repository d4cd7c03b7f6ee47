/**
 * A reader that stops reading, on a connection of its own: what the server holds back then, what it leaves out, and how it
 * says so. A browser's WebSocket cannot stop: it takes in whatever comes. Its WebSocketStream can, and where there is none
 * the body of an event stream is left unread.
 */

import { events } from "../client/event_stream.js";
import { lateness } from "../client/transports/tap.js";
import { asked, token } from "../token.js";

/** @import {ServerMessage} from "../client/messages.js" */
/** @import {Saying} from "../client/transports/tap.js" */
/** @typedef {{socket: SocketStream} | {abort: AbortController}} Held */
/** @typedef {{opened: Promise<{readable: ReadableStream<string>, writable: WritableStream<string>}>, closed: Promise<{closeCode?: number, reason?: string}>, close: () => void}} SocketStream */
/** @typedef {{messages: number, ticks: number, dropped: number, lags: number}} Heard */

const WISH = { channels: ["quotes", "trades", "book"], symbols: ["*"] };

export class Sluggard {
  /** @type {"off" | "opening" | "reading" | "stopped"} */
  state = "off";
  /** What way it reads: the browser decides. */
  by = "WebSocketStream" in globalThis ? "WebSocketStream" : "an event stream";
  /** @type {Heard} since it last began to read */
  heard = { messages: 0, ticks: 0, dropped: 0, lags: 0 };
  /** What the server said of it last: a lag, that it has recovered, that it closes. */
  word = "";
  stoppedAtMs = 0;
  /** @type {() => void} */
  #goOn = () => {};
  /** @type {() => void} */
  #hangUp = () => {};
  #opened = 0;
  #base;
  #tell;

  /** @param {URL} base @param {(saying: Saying) => void} tell */
  constructor(base, tell) {
    this.#base = base;
    this.#tell = tell;
  }

  /** Connect, and do not read: what comes is left where it is. */
  async stop() {
    if (this.state === "reading") return this.#pause();
    if (this.state !== "off") return;
    const opened = (this.#opened += 1);
    this.state = "opening";
    this.word = "";
    this.#restart();
    try {
      const chunks = await (this.by === "WebSocketStream" ? this.#openSocket() : this.#openEvents());
      if (opened !== this.#opened) return;
      this.#pause();
      await this.#read(chunks);
      if (opened === this.#opened) this.#over(this.word || "the server ended it");
    } catch (error) {
      if (opened === this.#opened) this.#over(`cut off: ${/** @type {Error} */ (error).message}`);
    }
  }

  /** Read again, everything that is there. */
  read() {
    if (this.state !== "stopped") return;
    this.state = "reading";
    this.#restart();
    this.#note("reading", `after ${((performance.now() - this.stoppedAtMs) / 1000).toFixed(1)} s`);
    this.#goOn();
  }

  /** Hang up. */
  close() {
    if (this.state === "off") return;
    this.#opened += 1;
    this.#hangUp();
    this.#goOn();
    this.#over("hung up");
  }

  #pause() {
    this.state = "stopped";
    this.stoppedAtMs = performance.now();
    this.#note("stopped", `nothing is read any more, by ${this.by}`);
  }

  #restart() {
    this.heard = { messages: 0, ticks: 0, dropped: 0, lags: 0 };
  }

  /** @param {string} why */
  #over(why) {
    this.state = "off";
    this.word = why;
    this.#note("closed", why);
  }

  /** @returns {Promise<ReadableStreamDefaultReader<string>>} messages */
  async #openSocket() {
    const url = new URL("v1/stream", this.#base);
    url.protocol = url.protocol.replace("http", "ws");
    /** @type {SocketStream} */
    const socket = new /** @type {any} */ (globalThis).WebSocketStream(url.href, { protocols: ["ticker.v1.json"] });
    this.#hangUp = () => socket.close();
    socket.closed.then(
      ({ closeCode, reason }) => void (this.word ||= `closed with ${closeCode}${reason ? `: ${reason}` : ""}`),
      () => {},
    );
    const { readable, writable } = await socket.opened;
    const wish = JSON.stringify({ op: "subscribe", ...WISH });
    this.#tell({ way: "sent", kind: "subscribe", bytes: wish.length, text: wish });
    const writer = writable.getWriter();
    if (token) await writer.write(JSON.stringify({ op: "auth", token }));
    await writer.write(wish);
    return readable.getReader();
  }

  /** @returns {Promise<ReadableStreamDefaultReader<string>>} pieces of an event stream */
  async #openEvents() {
    const abort = new AbortController();
    this.#hangUp = () => abort.abort();
    const url = new URL(`v1/sse?symbols=${WISH.symbols}&channels=${WISH.channels}`, this.#base);
    this.#tell({ way: "sent", kind: "sse", bytes: 0, text: `GET ${url.pathname}${url.search}` });
    const answer = await asked(url, { signal: abort.signal });
    if (!answer.ok || !answer.body) throw new Error(String(answer.status));
    return answer.body.pipeThrough(new TextDecoderStream()).pipeThrough(events()).pipeThrough(data()).getReader();
  }

  /** @param {ReadableStreamDefaultReader<string>} chunks */
  async #read(chunks) {
    for (;;) {
      while (this.state === "stopped") await new Promise((resolve) => (this.#goOn = () => resolve(null)));
      if (this.state === "off") return;
      const { value, done } = await chunks.read();
      if (done) return;
      this.#hear(value);
    }
  }

  /** @param {string} text */
  #hear(text) {
    /** @type {ServerMessage} */
    const message = JSON.parse(text);
    const latencyMs = message.type === "ticks" ? lateness(message.ts) : undefined;
    this.#tell({ way: "received", kind: message.type, bytes: text.length, text, latencyMs });
    this.heard.messages += 1;
    if (message.type === "ticks") this.heard.ticks += message.data.length;
    if (message.type === "lag") {
      this.heard.lags += 1;
      this.heard.dropped += message.dropped;
      this.word = `lag: from ${message.from} to ${message.to}, ${message.dropped} ticks left out`;
    }
    if (message.type === "closing") this.word = `closing with ${message.code}: ${message.reason}`;
  }

  /** @param {string} kind @param {string} text */
  #note(kind, text) {
    this.#tell({ way: "note", kind, bytes: 0, text });
  }
}

/** @returns {TransformStream<{data: string}, string>} what events say */
function data() {
  return new TransformStream({
    transform(event, controller) {
      if (event.data) controller.enqueue(event.data);
    },
  });
}
