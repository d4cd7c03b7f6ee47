/**
 * Server-sent events, by the browser's own EventSource: one request whose answer never ends. It comes back by itself and
 * says the last id it has had; it never tells a status, so that a refusal has to be asked for.
 */

import { addressed, bearer } from "../bearer.js";
import { Reader } from "./reader.js";
import { lateness } from "./tap.js";
import { Trouble } from "./trouble.js";

/** @import {Source} from "../event_source.js" */
/** @import {Lag, Recovered, Snapshot, Ticks} from "../messages.js" */

const BEHIND_MAX = 256; // messages that wait to be processed

/** Not a trouble: somebody wants something else. */
class Changed extends Error {}

/** No trouble either: what came is to be processed before more may come, and a stream cannot be told to wait. */
class Behind extends Error {
  /** @param {Promise<unknown>} processed */
  constructor(processed) {
    super("too much waits to be processed");
    this.processed = processed;
  }
}

export class EventStream extends Reader {
  /** @type {Source | null} */
  #source = null;
  #behind = 0;
  /** @type {(error: Error) => void} */
  #fail = () => {};

  /** One way only: to say something else, hang up and ask again. @override */
  change() {
    if (this.#source) this.#fail(new Changed());
  }

  /** @override @param {AbortSignal} signal */
  async read(signal) {
    const source = await this.#sources();
    while (!signal.aborted) {
      await this.showNew(signal);
      const failed = new Promise((_, reject) => (this.#fail = reject));
      const close = () => this.#fail(new Trouble("closed"));
      signal.addEventListener("abort", close);
      try {
        this.#open(source);
        await failed;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof Trouble) throw error;
        if (error instanceof Behind) await this.#catchUp(error.processed, signal);
        else if (!(error instanceof Changed)) await this.#askWhy(signal);
      } finally {
        signal.removeEventListener("abort", close);
        this.#source?.close();
        this.#source = null;
      }
    }
  }

  /** @returns {Promise<(url: URL) => Source>} the browser's own; Node has none, and ours can send a header */
  async #sources() {
    const { token } = this.options;
    const Own = globalThis.EventSource;
    if (Own) return (url) => new Own(addressed(url, token));
    const { EventSource: Ours } = await import("../event_source.js");
    return (url) => new Ours(url, () => bearer(token));
  }

  /** @param {(url: URL) => Source} make */
  #open(make) {
    const wish = this.wish;
    const url = this.address("v1/sse", { ...this.spelled, ...this.#manner });
    const source = make(url);
    this.#source = source;
    this.doing("opening");
    this.#asked(url);
    let answered = false;
    source.onopen = () => {
      if (answered) this.#asked(url); // again, by itself
      answered = true;
      this.counts.connections += 1;
      this.took(wish);
      if (this.latest) void this.#showAll();
      this.tell({ way: "note", kind: "live", bytes: 0, text: "the answer has begun: it has no end" });
      this.doing("streaming");
    };
    source.onerror = () => {
      if (source.readyState === source.CLOSED) return this.#fail(new Error("refused"));
      this.tell({ way: "note", kind: "lost", bytes: 0, text: "the browser comes back by itself, and says the last id it has had" });
      this.doing("lost", { why: "the browser comes back by itself" });
    };
    for (const kind of ["ticks", "snapshot", "recovered", "lag"]) {
      source.addEventListener(kind, (event) => this.#hear(event));
    }
  }

  /** From where, or how often: with the newest alone there is no going on from a position. @returns {Record<string, string | number>} */
  get #manner() {
    if (!this.latest) return { from: this.since };
    const { rate_hz: rate } = this.wish;
    return { pace: "latest", ...(rate && { rate_hz: rate }) };
  }

  /** The newest is sent from now on: what there was before is not. */
  async #showAll() {
    const source = this.#source;
    try {
      const answer = await this.ask("v1/snapshot", this.spelled, AbortSignal.any([]));
      if (source === this.#source) this.listener.onSnapshot(answer.data);
    } catch {
      if (source === this.#source) this.#fail(new Trouble("no snapshot"));
    }
  }

  /** @param {URL} url */
  #asked(url) {
    this.counts.requests += 1;
    const head = this.meter.requestHead(url);
    this.counts.heads += head; // the answer's head is not shown to us
    this.listener.onUp();
    this.tell({ way: "sent", kind: "sse", bytes: head, text: `GET ${url.pathname}${url.search}` });
  }

  /** @param {{type: string, data: string, lastEventId: string}} event */
  #hear(event) {
    const said = JSON.parse(event.data);
    const text = `event: ${event.type}\nid: ${event.lastEventId}\ndata: ${event.data}\n\n`;
    this.down(text.length);
    const latencyMs = event.type === "ticks" ? lateness(said.ts) : undefined;
    this.tell({ way: "received", kind: event.type, bytes: text.length, text, decoded: said, latencyMs });
    if (event.type === "ticks") this.#take(/** @type {Ticks} */ (said));
    if (event.type === "snapshot") this.listener.onSnapshot(/** @type {Snapshot} */ (said).data);
    if (event.type === "lag") this.listener.onLag(said.dropped, /** @type {Lag} */ (said));
    if (event.type === "recovered") this.#recovered(/** @type {Recovered} */ (said));
  }

  /** @param {Ticks} message */
  #take(message) {
    const processed = this.deliver(message);
    if (!processed) return;
    this.#behind += 1;
    void processed.then(() => void (this.#behind -= 1));
    if (this.#behind >= BEHIND_MAX) this.#fail(new Behind(processed));
  }

  /** Close the stream, and go on from our position when there is room again. @param {Promise<unknown>} processed @param {AbortSignal} signal */
  async #catchUp(processed, signal) {
    this.#source?.close();
    this.doing("waiting", { why: "what came is not processed yet" });
    await this.settled(processed, signal);
  }

  /** @param {Recovered} said */
  #recovered(said) {
    const [epoch, seq] = said.to.split(":");
    this.position = { epoch, seq: Number(seq) };
    if (!said.complete) this.listener.onFresh("what lies between is gone: the server said so");
  }

  /** The same question as a plain request, whose answer has a status and a reason. @param {AbortSignal} signal */
  async #askWhy(signal) {
    this.doing("asking", { why: "why the stream was refused" });
    await this.ask("v1/ticks", { ...this.spelled, since: this.since, limit: 1 }, signal);
    throw new Trouble("the stream was refused");
  }
}
