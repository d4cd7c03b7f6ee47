/**
 * One way of reading the tape, whichever. It knows no page: it tells a listener what it is doing, what went up, what came
 * down, and every tick. A new transport is one new file: a `read` that goes on from `position`, and a `change` of the wish.
 *
 *     start ──▶ read ──trouble──▶ wait, longer each time ──▶ read, from where we were
 *                └─ "gone", or another tape ──▶ wait ──▶ a snapshot tells where the tape is now ──▶ read
 */

import { waitMs } from "../backoff.js";
import { answerHead, requestHead } from "./heads.js";
import { watchConnection } from "./sockets.js";

/** @import {Channel, Tick, Ticks} from "../messages.js" */
/** @typedef {"off" | "opening" | "asking" | "held" | "waiting" | "streaming" | "talking" | "lost"} Doing */
/** @typedef {{symbols: string[], channels: Channel[]}} Wish */
/** @typedef {{epoch: string, seq: number}} Position */
/** @typedef {Position & {data: Tick[]}} Beginning  a snapshot, after which everything is wanted */
/** @typedef {{requests: number, connections: number, frames: number, heads: number, bytes: number}} Counts */
/** @typedef {{ms: number, requests: number, connections: number, frames: number}} Report  what a change of wish took */
/**
 * @typedef {object} Listener
 * @property {(doing: Doing, untilMs: number | null, why: string) => void} onDoing
 * @property {() => void} onUp  a request or a frame leaves
 * @property {(bytes: number) => void} onDown  an answer or a message is here; its ticks follow
 * @property {(message: Ticks) => void} onTicks
 * @property {(why: string) => void} onFresh  what was before does not join what comes
 * @property {(data: Tick[]) => void} onSnapshot
 * @property {(dropped: number) => void} onLag
 * @property {(wish: Wish) => void} onTook  from now on the server knows this wish
 * @property {(report: Report) => void} onReport
 */

const CONNECTION_KNOWN_MS = 120; // the browser tells of a request's connection a little after its answer

/** Why reading ended. `stale`: there is no going on from our position. */
export class Trouble extends Error {
  /** @param {string} why @param {{stale?: boolean, askedS?: number | null}} [details] */
  constructor(why, { stale = false, askedS = null } = {}) {
    super(why);
    this.stale = stale;
    this.askedS = askedS;
  }
}

export class Reader {
  /** @type {Wish} */
  wish = { symbols: [], channels: [] };
  /** @type {Position | null} */
  position = null;
  /** @type {Counts} */
  counts = { requests: 0, connections: 0, frames: 0, heads: 0, bytes: 0 };
  #tries = 0;
  /** @type {AbortController | null} */
  #effort = null;
  /** @type {{atMs: number, before: Counts, wish: Wish} | null} */
  #talk = null;

  /** @param {URL} base  where the server is @param {Listener} listener */
  constructor(base, listener) {
    this.base = base;
    this.listener = listener;
  }

  /** @param {Wish} wish @param {Beginning} [beginning]  the same for all who are to be compared */
  start(wish, beginning) {
    this.stop();
    this.wish = wish;
    this.#effort = new AbortController();
    if (beginning) this.begin(beginning, "");
    void this.#live(this.#effort.signal);
  }

  stop() {
    this.#effort?.abort();
    this.#effort = null;
    this.#talk = null;
    this.position = null;
    this.doing("off");
  }

  /** Want something else from now on. @param {Wish} wish */
  talk(wish) {
    this.#talk = { atMs: performance.now(), before: { ...this.counts }, wish };
    this.wish = wish;
    this.change();
  }

  // What a transport brings.

  /** Read from `position` on, until the signal or trouble. @param {AbortSignal} signal @returns {Promise<unknown>} */
  read(signal) {
    return Promise.reject(new Trouble(`nothing to read (${signal.aborted})`));
  }

  /** The wish has changed. */
  change() {}

  // What transports share.

  /** @param {Doing} what @param {{untilMs?: number | null, why?: string}} [more] */
  doing(what, { untilMs = null, why = "" } = {}) {
    this.listener.onDoing(what, untilMs, why);
  }

  /** The server answers with this wish in mind. @param {Wish} wish */
  took(wish) {
    this.#tries = 0;
    const talk = this.#talk;
    if (talk?.wish !== wish) return;
    this.#talk = null;
    this.listener.onTook(wish);
    const ms = performance.now() - talk.atMs;
    const requests = this.counts.requests - talk.before.requests;
    const frames = this.counts.frames - talk.before.frames;
    setTimeout(() => {
      this.listener.onReport({ ms, requests, frames, connections: this.counts.connections - talk.before.connections });
    }, CONNECTION_KNOWN_MS);
  }

  /** @param {Beginning} beginning @param {string} why */
  begin(beginning, why) {
    this.position = { epoch: beginning.epoch, seq: beginning.seq };
    this.listener.onFresh(why);
    this.listener.onSnapshot(beginning.data);
  }

  /** @param {Ticks} message */
  deliver(message) {
    if (this.position) this.position.seq = message.seq;
    this.listener.onTicks(message);
  }

  /** @param {number} bytes */
  down(bytes) {
    this.counts.bytes += bytes;
    this.listener.onDown(bytes);
  }

  /** @returns {string} the position as text */
  get since() {
    return this.position ? `${this.position.epoch}:${this.position.seq}` : "";
  }

  /** @returns {Record<string, string>} the wish as a request spells it */
  get spelled() {
    return { symbols: this.wish.symbols.join(","), channels: this.wish.channels.join(",") };
  }

  /** @param {string} path @param {Record<string, string | number>} query */
  address(path, query) {
    const url = new URL(path, this.base);
    url.search = Object.entries(query)
      .map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%2C", ",").replaceAll("%3A", ":")}`)
      .join("&");
    return url;
  }

  /**
   * Ask once. Throws Trouble where the answer is a refusal.
   *
   * @param {string} path @param {Record<string, string | number>} query @param {AbortSignal} signal
   * @returns {Promise<any>} the answer, read
   */
  async ask(path, query, signal) {
    const url = this.address(path, query);
    watchConnection(url, (isNew) => void (this.counts.connections += Number(isNew)));
    this.counts.requests += 1;
    this.counts.heads += requestHead(url);
    this.listener.onUp();
    const answer = await fetch(url, { signal });
    const body = await answer.arrayBuffer();
    this.counts.heads += answerHead(answer);
    this.down(body.byteLength);
    const said = JSON.parse(new TextDecoder().decode(body));
    if (answer.ok) return said;
    const asked = answer.headers.get("retry-after");
    const stale = said.code === "gone" || said.code === "bad_position";
    throw new Trouble(`${answer.status} ${said.code}`, { stale, askedS: asked ? Number(asked) : null });
  }

  /** @param {AbortSignal} signal */
  async #live(signal) {
    while (!signal.aborted) {
      try {
        if (!this.position) await this.#beginAfresh(signal);
        await this.read(signal);
      } catch (error) {
        if (signal.aborted) return;
        await this.#waitOut(/** @type {Error} */ (error), signal);
      }
    }
  }

  /** @param {AbortSignal} signal */
  async #beginAfresh(signal) {
    this.doing("asking");
    const snapshot = await this.ask("v1/snapshot", this.spelled, signal);
    this.begin(snapshot, "began afresh from a snapshot");
  }

  /** @param {Error} error @param {AbortSignal} signal */
  async #waitOut(error, signal) {
    const trouble = error instanceof Trouble ? error : new Trouble("no answer");
    if (trouble.stale) {
      this.position = null;
      this.#tries = 0; // it was an answer: the server is there
    }
    const delayMs = waitMs(this.#tries, trouble.askedS);
    this.#tries += 1;
    const why = trouble.stale ? `${trouble.message}: our position is not on this tape` : trouble.message;
    this.doing("lost", { untilMs: performance.now() + delayMs, why });
    await sleep(delayMs, signal);
  }
}

/** @param {number} ms @param {AbortSignal} signal  wakes at once @returns {Promise<void>} */
export function sleep(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
