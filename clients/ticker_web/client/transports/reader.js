/**
 * One way of reading the tape, whichever. It knows no page: it tells a listener what it is doing, what went up, what came
 * down, and every tick. A new transport is one new file: a `read` that goes on from `position`, and a `change` of the wish.
 *
 *     start ──▶ read ──trouble──▶ wait, longer each time ──▶ read, from where we were
 *                └─ "gone", or another tape ──▶ wait ──▶ a snapshot tells where the tape is now ──▶ read
 */

import { sleep, waitMs } from "../backoff.js";
import { added } from "../wish.js";
import { Exchange } from "./exchange.js";
import { Trouble } from "./trouble.js";

/** @import {ClientMessage, Ticks} from "../messages.js" */
/** @import {Part, Wish} from "../wish.js" */
/** @import {Beginning, Counts, Doing, Position} from "./exchange.js" */

const CONNECTION_KNOWN_MS = 120; // the browser tells of a request's connection a little after its answer

export class Reader extends Exchange {
  /** @type {Wish} */
  wish = { symbols: [], channels: [] };
  /** @type {Position | null} */
  position = null;
  #tries = 0;
  /** @type {AbortController | null} */
  #effort = null;
  /** Ends reading, for somebody pressed a button. @type {AbortController} */
  #cut = new AbortController();
  /** Ends waiting for what came to be processed, for something else is wanted. */
  #talked = new AbortController();
  /** What is wanted but was not before: it is shown before we go on. @type {Part[]} */
  #unshown = [];
  /** @type {{atMs: number, before: Counts, wish: Wish} | null} */
  #talk = null;
  /** What the listener was last told that the server knows. @type {Wish | null} */
  #known = null;

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
    this.#known = null;
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
    this.#talked.abort();
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
    if (wish !== this.#known) this.listener.onTook(wish);
    this.#known = wish;
    const talk = this.#talk;
    if (talk?.wish !== wish) return;
    this.#talk = null;
    const ms = performance.now() - talk.atMs;
    const requests = this.counts.requests - talk.before.requests;
    const frames = this.counts.frames - talk.before.frames;
    setTimeout(() => {
      this.listener.onReport({ ms, requests, frames, connections: this.counts.connections - talk.before.connections });
    }, CONNECTION_KNOWN_MS);
  }

  /** Wait until what came has been processed, or something else is wanted. @param {Promise<unknown>} processed @param {AbortSignal} signal */
  async settled(processed, signal) {
    this.#talked = new AbortController();
    const either = AbortSignal.any([signal, this.#talked.signal]);
    await Promise.race([processed, new Promise((resolve) => either.addEventListener("abort", resolve))]);
  }

  /** @param {Beginning} beginning @param {string} why */
  begin(beginning, why) {
    this.position = { epoch: beginning.epoch, seq: beginning.seq };
    this.listener.onFresh(why);
    this.listener.onSnapshot(beginning.data);
  }

  /** @param {Ticks} message @returns {void | Promise<unknown>} fulfilled when they have been processed, where that takes time */
  deliver(message) {
    if (this.position) this.position.seq = message.seq;
    return this.listener.onTicks(message);
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
    if (trouble.refused) {
      this.#unshown = [];
      this.listener.onRefused?.(trouble.refused);
      if (signal.aborted) return; // nothing is wanted any more
    }
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
