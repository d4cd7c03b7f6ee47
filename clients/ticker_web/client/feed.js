/** A conversation as a program wants it: subscriptions, ticks to iterate over, and the proof that none is missing. */

import { CHANNELS } from "./channels.js";
import { Conversation } from "./conversation.js";
import { Numbers } from "./numbers.js";
import { among, paceOf } from "./options.js";
import { Queue } from "./queue.js";
import { joined, sieve, wishFor, without } from "./wants.js";

/** @import {Message} from "./conversation.js" */
/** @import {Channel, Subscriptions, Tick, Ticks} from "./messages.js" */
/** @import {Pace, Wish} from "./wish.js" */
/** @typedef {{channels?: Channel[], pace?: Pace, rateHz?: number}} Manner  `channels` are trades if not said; `rateHz` goes with latest */
/** @typedef {{wanted: Subscriptions, wish: Wish}} Want */
/** @typedef {Want & {resolve: (value?: undefined) => void, reject: (error: Error) => void}} Asked */

export class Feed extends Conversation {
  /** The position of what has been processed, as text: to go on `from` another time. */
  processed = "";
  /** Channel to symbols. @type {Subscriptions} */
  subscriptions = {};
  /** Whether a tick is wanted: over HTTP more may come than that, and what is taken back is under way for a while. */
  #wants = sieve({});
  /** What the server knows. @type {Want} */
  #granted = { wanted: {}, wish: this.wish };
  /** What it may not know yet. @type {Asked[]} */
  #asked = [];
  #numbers = new Numbers((gap) => void (this.#every && this.tell("gap", gap)));
  #queue = new Queue();

  /** Ticks that were sent and never came, as `n` proves. */
  get missed() {
    return this.#numbers.missed;
  }

  /** @returns {AsyncGenerator<Tick, void>} every tick, those of snapshots among them, in one place at a time; ends with `close` */
  [Symbol.asyncIterator]() {
    return this.#queue.ticks();
  }

  /** @returns {AsyncGenerator<Message, void>} the same, message by message */
  messages() {
    return this.#queue.messages();
  }

  /**
   * Ask for symbols (`"*"` for all), now and after every reconnect; the first time connects. A pace is that of all that is
   * wanted, until another one is said: "every" tick at first.
   *
   * @param {string | string[]} symbols @param {Manner} [manner]
   * @returns {Promise<void>} fulfilled when the server knows; rejected, and taken back, where it refuses
   */
  async subscribe(symbols, { channels = ["trades"], pace, rateHz } = {}) {
    const names = named(symbols, channels);
    const manner = pace || rateHz !== undefined ? paceOf(pace ?? this.#pace.pace, rateHz) : this.#pace;
    return this.#want(joined(this.subscriptions, names, channels), manner);
  }

  /** Take some of it back. @param {string | string[]} symbols @param {{channels?: Channel[]}} [of] @returns {Promise<void>} as for `subscribe` */
  async unsubscribe(symbols, { channels = ["trades"] } = {}) {
    return this.#want(without(this.subscriptions, named(symbols, channels), channels), this.#pace);
  }

  /** Want this, and nothing else, however often it is refused. @param {string[]} symbols @param {Manner} manner */
  want(symbols, { channels = ["trades"], pace = "every", rateHz }) {
    this.#wish({ wanted: joined({}, symbols, channels), wish: { symbols, channels, ...paceOf(pace, rateHz) } });
  }

  /** Hang up; iterators end. @override */
  close() {
    super.close();
    this.#queue.end(null);
    for (const { resolve } of this.#asked.splice(0)) resolve();
  }

  // What a conversation asks of it.

  /** @override @param {Ticks} message */
  take(message) {
    const news = message.data.filter((tick) => this.#isNews(tick));
    return this.#hand(news.length < message.data.length ? { ...message, data: news } : message);
  }

  /** @override @param {Tick[]} data */
  show(data) {
    const wanted = data.filter((tick) => this.#isNews(tick) || (this.heard("message") && this.#wants(tick)));
    void this.#hand({ type: "snapshot", seq: this.reached.seq, data: wanted });
  }

  /** @override */
  forget() {
    this.#numbers.forget();
  }

  /** @override @param {Wish} wish */
  took(wish) {
    const place = this.#asked.findIndex((one) => one.wish === wish);
    const { wanted } = this.#asked[place] ?? { wanted: this.subscriptions };
    this.#granted = { wanted, wish };
    for (const { resolve } of this.#asked.splice(0, place + 1)) resolve();
  }

  /** What was asked for since the server agreed is taken back. @override @param {string} why */
  refuse(why) {
    const asked = this.#asked.splice(0);
    if (asked.length === 0) return super.refuse(why);
    this.#wish(this.#granted);
    for (const { reject } of asked) reject(new Error(why));
  }

  /** @override @param {string} why */
  end(why) {
    this.#queue.end(new Error(why));
    for (const { reject } of this.#asked.splice(0)) reject(new Error(why));
  }

  /** Every tick is wanted, so that a hole is one. */
  get #every() {
    return this.wish.pace !== "latest";
  }

  get #pace() {
    const { pace = "every", rate_hz } = this.wish;
    return { pace, ...(rate_hz && { rate_hz }) };
  }

  /** @param {Subscriptions} wanted @param {Pick<Wish, "pace" | "rate_hz">} pace @returns {Promise<void>} */
  #want(wanted, pace) {
    if (this.over) throw new Error("closed, as the server does not want us back: drop() comes back all the same");
    const wish = wishFor(wanted, pace);
    return new Promise((resolve, reject) => {
      this.#asked.push({ wanted, wish, resolve, reject });
      this.#wish({ wanted, wish });
    });
  }

  /** @param {Want} want */
  #wish({ wanted, wish }) {
    this.subscriptions = wanted;
    this.#wants = sieve(wanted);
    const paced = (wish.pace ?? "every") !== (this.wish.pace ?? "every"); // what was merged is no hole
    this.#numbers.forget((tick) => paced || !this.#wants(tick));
    if (this.state === "closed") this.#queue.reopen();
    this.ask(wish);
  }

  /** What a snapshot said already is none; a book may say the same again. @param {Tick} tick */
  #isNews(tick) {
    if (!this.#wants(tick)) return false;
    return !this.#every || this.#numbers.take(tick) !== "known" || tick.ch === "book";
  }

  /** To who listens, or to who iterates. @param {Message} message @returns {void | Promise<unknown>} */
  #hand(message) {
    const { epoch } = this.reached;
    const processed = () => void (this.processed = `${epoch}:${message.seq}`);
    if (!this.heard("message")) return this.#queue.put(message).then(processed);
    this.tell("message", message);
    processed();
  }
}

/** @param {string | string[]} symbols @param {Channel[]} channels @returns {string[]}. Throws a TypeError where nothing that can exist is named */
function named(symbols, channels) {
  const names = [symbols].flat();
  if (names.length === 0) throw new TypeError("symbols: at least one is needed");
  if (channels.length === 0) throw new TypeError("channels: at least one is needed");
  for (const channel of channels) among(channel, CHANNELS, "a channel");
  return names;
}
