/**
 * Server-sent events, by the browser's own EventSource: one request whose answer never ends. It comes back by itself and
 * says the last id it has had; it never tells a status, so that a refusal has to be asked for.
 */

import { requestHead } from "./heads.js";
import { Reader, Trouble } from "./reader.js";

/** @import {Recovered, Snapshot, Ticks} from "../messages.js" */

export class EventStream extends Reader {
  /** @type {EventSource | null} */
  #source = null;
  /** @type {(error: Error) => void} */
  #fail = () => {};

  /** One way only: to say something else, hang up and ask again. @override */
  change() {
    if (this.#source) this.#open();
  }

  /** @override @param {AbortSignal} signal */
  async read(signal) {
    const failed = new Promise((_, reject) => (this.#fail = reject));
    const close = () => this.#fail(new Trouble("closed"));
    signal.addEventListener("abort", close);
    try {
      this.#open();
      await failed;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Trouble) throw error;
      await this.#askWhy(signal);
    } finally {
      signal.removeEventListener("abort", close);
      this.#source?.close();
      this.#source = null;
    }
  }

  #open() {
    this.#source?.close();
    const wish = this.wish;
    const url = this.address("v1/sse", { ...this.spelled, from: this.since });
    const source = new EventSource(url);
    this.#source = source;
    this.doing("opening");
    this.#asked(url);
    let answered = false;
    source.onopen = () => {
      if (answered) this.#asked(url); // again, by itself
      answered = true;
      this.counts.connections += 1;
      this.took(wish);
      this.doing("streaming");
    };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) return this.#fail(new Error("refused"));
      this.doing("lost", { why: "the browser comes back by itself" });
    };
    for (const kind of ["ticks", "snapshot", "recovered", "lag"]) {
      source.addEventListener(kind, (event) => this.#hear(event));
    }
  }

  /** @param {URL} url */
  #asked(url) {
    this.counts.requests += 1;
    this.counts.heads += requestHead(url); // the answer's head is not shown to us
    this.listener.onUp();
  }

  /** @param {MessageEvent<string>} event */
  #hear(event) {
    const said = JSON.parse(event.data);
    this.down(`event: ${event.type}\nid: ${event.lastEventId}\ndata: \n\n`.length + event.data.length);
    if (event.type === "ticks") this.deliver(/** @type {Ticks} */ (said));
    if (event.type === "snapshot") this.listener.onSnapshot(/** @type {Snapshot} */ (said).data);
    if (event.type === "lag") this.listener.onLag(said.dropped);
    if (event.type === "recovered") this.#recovered(/** @type {Recovered} */ (said));
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
