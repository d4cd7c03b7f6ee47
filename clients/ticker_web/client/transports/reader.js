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
import { lateness } from "./tap.js";

/** @import {Channel, ClientMessage, Tick, Ticks} from "../messages.js" */
/** @typedef {"off" | "opening" | "asking" | "held" | "waiting" | "streaming" | "talking" | "lost"} Doing */
/** @typedef {{symbols: string[], channels: Channel[], pace?: "every" | "latest", rate_hz?: number}} Wish  `rate_hz` goes with latest */
/** @typedef {{epoch: string, seq: number}} Position */
/** @typedef {Position & {data: Tick[]}} Beginning  a snapshot, after which everything is wanted */
/** @typedef {{requests: number, connections: number, frames: number, heads: number, bytes: number}} Counts */
/** @typedef {{ms: number, requests: number, connections: number, frames: number}} Report  what a change of wish took */
/** @import {Saying} from "./tap.js" */
/** @typedef {import("./tap.js").Event} Event */
/**
 * @typedef {object} Options
 * @property {string} [conversation]  what events of this reader are called by
 * @property {boolean} [handshake]  be shown the upgrade
 * @property {import("../connection.js").Subprotocol} [subprotocol]
 * @property {(event: Event) => void} [tap]  is told of everything that goes either way
 * @property {boolean} [bare]  what is newly wanted is not shown first, so that a change of wish costs nothing but itself
 */
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

/** Why reading ended. `stale`: there is no going on from our position. `final`: the server does not want us back. */
export class Trouble extends Error {
  /** @param {string} why @param {{stale?: boolean, final?: boolean, askedS?: number | null}} [details] */
  constructor(why, { stale = false, final = false, askedS = null } = {}) {
    super(why);
    this.stale = stale;
    this.final = final;
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
  /** Ends reading, for somebody pressed a button. @type {AbortController} */
  #cut = new AbortController();
  /** What is wanted but was not before: it is shown before we go on. @type {Wish[]} */
  #unshown = [];
  /** @type {{atMs: number, before: Counts, wish: Wish} | null} */
  #talk = null;

  /** @param {URL} base  where the server is @param {Listener} listener @param {Options} [options] */
  constructor(base, listener, options = {}) {
    this.base = base;
    this.listener = listener;
    this.options = options;
  }

  /** Only the newest is wanted: there is nothing to go on from, a snapshot tells it all. */
  get latest() {
    return this.wish.pace === "latest";
  }

  /** Nothing is wanted, so that nothing is asked. */
  get idle() {
    return this.wish.symbols.length === 0 || this.wish.channels.length === 0;
  }

  /**
   * @param {Wish} wish
   * @param {Beginning | Position} [since]  a beginning, the same for all who are to be compared; or where another reader was
   */
  start(wish, since) {
    this.stop();
    this.wish = wish;
    this.#tries = 0;
    if (since && "data" in since) this.begin(since, "");
    else if (since) this.position = { epoch: since.epoch, seq: since.seq };
    this.#strive();
  }

  stop() {
    this.#effort?.abort();
    this.#effort = null;
    this.#talk = null;
    this.#unshown = [];
    this.position = null;
    this.doing("off");
  }

  /** Give up the connection, and come back with another, from where we were. @param {string} why */
  drop(why) {
    this.#cut.abort(new Trouble(why));
  }

  /** Say something by hand: only who has a connection to talk on can. @param {ClientMessage | string} message @returns {boolean} whether it was sent */
  send(message) {
    return message === null;
  }

  /** Want something else from now on. @param {Wish} wish */
  talk(wish) {
    const [before, wasIdle] = [this.wish, this.idle];
    this.#talk = { atMs: performance.now(), before: { ...this.counts }, wish };
    this.wish = wish;
    if (this.remembers || (wasIdle && this.idle)) return this.change();
    if (wasIdle || this.idle) return this.#startOver();
    if (!this.options.bare) this.#unshown.push(...added(before, wish));
    this.change();
  }

  // What a transport brings.

  /** Read from `position` on, until the signal or trouble. @param {AbortSignal} signal @returns {Promise<unknown>} */
  read(signal) {
    return Promise.reject(new Trouble(`nothing to read (${signal.aborted})`));
  }

  /** The wish has changed. */
  change() {}

  /** Whether the server remembers what we asked for, shows by itself what is newly wanted, and can be told that nothing is. */
  get remembers() {
    return false;
  }

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

  /** Tell the tap. @param {Saying} saying */
  tell(saying) {
    this.options.tap?.({ conversation: this.options.conversation ?? "", atMs: performance.now(), ...saying });
  }

  /** Show what is newly wanted, as a WebSocket's server does by itself. @param {AbortSignal} signal */
  async showNew(signal) {
    while (this.#unshown.length > 0) {
      const { symbols, channels } = this.#unshown[0];
      const answer = await this.ask("v1/snapshot", { symbols: symbols.join(","), channels: channels.join(",") }, signal);
      this.#unshown.shift();
      this.listener.onSnapshot(answer.data);
    }
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
    const head = requestHead(url);
    this.counts.requests += 1;
    this.counts.heads += head;
    this.listener.onUp();
    const line = `GET ${url.pathname}${url.search}`;
    this.tell({ way: "sent", kind: path.slice(path.lastIndexOf("/") + 1), bytes: head, text: line });
    const answer = await fetch(url, { signal });
    const body = await answer.arrayBuffer();
    this.counts.heads += answerHead(answer);
    this.down(body.byteLength);
    const text = new TextDecoder().decode(body);
    const said = JSON.parse(text);
    const newest = said.batches?.at(-1);
    const latencyMs = newest && lateness(newest.ts);
    this.tell({ way: "received", kind: String(answer.status), bytes: body.byteLength, text, decoded: said, latencyMs });
    if (answer.ok) return said;
    const asked = answer.headers.get("retry-after");
    const stale = said.code === "gone" || said.code === "bad_position";
    throw new Trouble(`${answer.status} ${said.code}`, { stale, askedS: asked ? Number(asked) : null });
  }

  #strive() {
    this.#effort = new AbortController();
    void this.#live(this.#effort.signal);
  }

  /** From nothing wanted to something, or back: of what happened meanwhile nothing is wanted. */
  #startOver() {
    if (!this.#effort) return;
    this.#effort.abort();
    this.position = null;
    this.#unshown = [];
    this.#strive();
  }

  /** @param {AbortSignal} signal */
  async #live(signal) {
    if (this.idle && !this.remembers) return this.doing("waiting", { why: "nothing is wanted" });
    while (!signal.aborted) {
      this.#cut = new AbortController();
      const either = AbortSignal.any([signal, this.#cut.signal]);
      try {
        const shown = this.remembers && (this.latest || this.idle); // or will be, by itself
        if (!this.position && !shown) await this.#beginAfresh(either);
        await this.read(either);
        this.#cut.signal.throwIfAborted();
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof Trouble && error.final) {
          this.tell({ way: "note", kind: "closed", bytes: 0, text: error.message });
          return this.doing("off", { why: error.message });
        }
        await this.#waitOut(this.#cut.signal.aborted ? this.#cut.signal.reason : error, signal);
      }
    }
  }

  /** @param {AbortSignal} signal */
  async #beginAfresh(signal) {
    this.doing("asking");
    const snapshot = await this.ask("v1/snapshot", this.spelled, signal);
    this.#unshown = [];
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
    this.tell({ way: "note", kind: "lost", bytes: 0, text: `${why}: try ${this.#tries} in ${(delayMs / 1000).toFixed(1)} s` });
    this.doing("lost", { untilMs: performance.now() + delayMs, why });
    await sleep(delayMs, signal);
  }
}

/** What a wish has that another had not. @param {Wish} before @param {Wish} wish @returns {Wish[]} */
export function added(before, wish) {
  const symbols = wish.symbols.filter((symbol) => !before.symbols.includes(symbol));
  const kept = wish.symbols.filter((symbol) => before.symbols.includes(symbol));
  const channels = wish.channels.filter((channel) => !before.channels.includes(channel));
  const both = [
    { symbols, channels: wish.channels },
    { symbols: kept, channels },
  ];
  return both.filter((one) => one.symbols.length > 0 && one.channels.length > 0);
}

/** @param {number} ms @param {AbortSignal} signal  wakes at once @returns {Promise<void>} */
export function sleep(ms, signal) {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(); // somebody was quicker than we
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
