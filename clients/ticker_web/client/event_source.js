/**
 * An EventSource where there is none, as in Node: what the readers need of it (HTML, section 9.2), made of `fetch`.
 *
 *     CONNECTING ──answer──▶ OPEN ──the answer ends──▶ CONNECTING, after a pause, with the last id that came
 *         └─ an answer that is no event stream ──▶ CLOSED
 */

import { sleep } from "./backoff.js";
import { events } from "./event_stream.js";

/**
 * @typedef {object} Source
 * @property {number} readyState
 * @property {number} CLOSED
 * @property {((event: any) => void) | null} onopen
 * @property {((event: any) => void) | null} onerror
 * @property {(kind: string, heard: (event: {type: string, data: string, lastEventId: string}) => void) => void} addEventListener
 * @property {() => void} close
 */

const RETRY_MS = 3_000;

/** @implements {Source} */
export class EventSource {
  CONNECTING = 0;
  OPEN = 1;
  CLOSED = 2;
  readyState = this.CONNECTING;
  /** @type {Source["onopen"]} */
  onopen = null;
  /** @type {Source["onerror"]} */
  onerror = null;
  #retryMs = RETRY_MS;
  #lastEventId = "";
  /** @type {Map<string, Parameters<Source["addEventListener"]>[1]>} one a kind */
  #heard = new Map();
  #abort = new AbortController();
  #headers;

  /** @param {URL} url @param {() => Record<string, string>} [headers]  to be sent besides, which a browser's own cannot */
  constructor(url, headers = () => ({})) {
    this.#headers = headers;
    void this.#live(url);
  }

  /** @type {Source["addEventListener"]} */
  addEventListener(kind, heard) {
    this.#heard.set(kind, heard);
  }

  close() {
    this.readyState = this.CLOSED;
    this.#abort.abort();
  }

  /** @param {URL} url */
  async #live(url) {
    while (this.readyState !== this.CLOSED) {
      const answered = await this.#read(url).catch(() => true); // not reached, or cut short: it is tried again
      if (this.#abort.signal.aborted) return;
      this.readyState = answered ? this.CONNECTING : this.CLOSED;
      this.onerror?.({ type: "error" });
      if (answered) await sleep(this.#retryMs, this.#abort.signal);
    }
  }

  /** @param {URL} url @returns {Promise<boolean>} whether the answer was an event stream */
  async #read(url) {
    /** @type {Record<string, string>} */
    const headers = { ...this.#headers(), Accept: "text/event-stream", ...(this.#lastEventId && { "Last-Event-ID": this.#lastEventId }) };
    const answer = await fetch(url, { headers, signal: this.#abort.signal });
    const isStream = answer.headers.get("content-type")?.startsWith("text/event-stream");
    if (answer.status !== 200 || !isStream || !answer.body) {
      await answer.body?.cancel();
      return false;
    }
    this.readyState = this.OPEN;
    this.onopen?.({ type: "open" });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).pipeThrough(events()).getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done || this.#abort.signal.aborted) return true;
      this.#retryMs = value.retryMs ?? this.#retryMs;
      this.#lastEventId = value.id ?? this.#lastEventId;
      if (value.data) this.#heard.get(value.type)?.({ type: value.type, data: value.data, lastEventId: this.#lastEventId });
    }
  }
}
