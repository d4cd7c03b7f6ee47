/**
 * What the user wants to see, what the server says it sends, and the messages that lead from one to the other.
 *
 * Nothing is asked while an answer is outstanding: the answers carry the complete set, and the difference is taken anew.
 */

import { CHANNELS } from "./channels.js";

/** @import {Channel, ClientMessage, Request, Subscriptions} from "./messages.js" */

/** @type {Channel[]} what is wanted at first */
const AT_FIRST = ["status", "quotes", "trades"];
const EVERYTHING = "*";

export class Interest {
  /** @type {Set<Channel>} */
  channels = new Set(AT_FIRST);
  /** @type {Set<string>} */
  #wanted = new Set();
  /** @type {Subscriptions} */
  #granted = {};
  /** @type {string[]} */
  #universe = [];
  #limit = 0;
  /** A position to go on from, until the server has granted or refused that. */
  #since = "";
  #id = 0;
  /** Symbols whose book is to be given back, and then asked for anew. @type {Set<string>} */
  #doubted = new Set();
  /** Those of them that were asked to be given back. @type {string[]} */
  #returning = [];
  /** @type {Set<number>} */
  #outstanding = new Set();
  #send;

  /** @param {(message: ClientMessage) => boolean} send */
  constructor(send) {
    this.#send = send;
  }

  /**
   * A new conversation, in which nothing is subscribed.
   *
   * @param {string[]} universe  every symbol @param {number} limit  of symbols in one message
   * @param {string} since  a position up to which all that was granted has come, or ""
   * @returns {boolean} whether it goes on from there: not where something else is wanted now
   */
  restart(universe, limit, since) {
    this.#limit = limit;
    const goesOn = since !== "" && this.#requests().length === 0;
    this.#since = goesOn ? since : "";
    this.#universe = universe;
    this.#granted = {};
    this.#doubted.clear(); // had one been subscribed, we would not go on
    this.#outstanding.clear();
    this.#id = 0;
    return goesOn;
  }

  /** The conversation is over: wishes are noted, and nothing is asked. */
  suspend() {
    this.#limit = 0;
  }

  /** @returns {number} an id that no message of this conversation has had */
  nextId() {
    return (this.#id += 1);
  }

  /** @param {Iterable<string>} symbols */
  want(symbols) {
    this.#wanted = new Set(symbols);
    this.pursue();
  }

  /** @param {Channel} channel @param {boolean} on */
  switch(channel, on) {
    if (on) this.channels.add(channel);
    else this.channels.delete(channel);
    this.pursue();
  }

  /** Have a book begin anew: it is not the server's. @param {string} symbol */
  doubt(symbol) {
    this.#doubted.add(symbol);
    this.pursue();
  }

  /** @param {number | undefined} id @param {Subscriptions} subscriptions */
  granted(id, subscriptions) {
    this.#granted = subscriptions;
    if (!this.#settled(id)) return;
    this.#since = "";
    this.pursue();
  }

  /**
   * A refusal is not argued with: the next wish of the user's takes the difference again. But where we could not go on from
   * where we were, we begin anew.
   *
   * @param {number | undefined} id
   */
  refused(id) {
    if (!this.#settled(id) || !this.#since) return;
    this.#since = "";
    this.pursue();
  }

  /** Ask for what is missing, and return what is too much. */
  pursue() {
    if (this.#limit === 0 || this.#outstanding.size > 0) return;
    for (const request of this.#due()) {
      const id = this.nextId();
      const from = this.#since && request.op === "subscribe" ? { from: this.#since } : {};
      if (this.#send({ ...request, ...from, id })) this.#outstanding.add(id);
    }
  }

  /** @param {number | undefined} id */
  #settled(id) {
    const settled = id !== undefined && this.#outstanding.delete(id) && this.#outstanding.size === 0;
    if (settled) for (const symbol of this.#returning) this.#doubted.delete(symbol);
    return settled;
  }

  /** What is to be asked now: doubted books are given back first, and wanted again once that is done. @returns {Request[]} */
  #due() {
    this.#returning = [...this.#doubted];
    const requests = this.#requests();
    if (requests.length > 0 || this.#doubted.size === 0) return requests;
    this.#doubted.clear(); // they are not subscribed
    return this.#requests();
  }

  /** @returns {Request[]} */
  #requests() {
    const differences = CHANNELS.map((channel) => {
      const has = this.#spelledOut(this.#granted[channel] ?? []);
      const wants = this.#wants(channel);
      return {
        channel,
        unsubscribe: this.#spelled(has, (symbol) => !wants.has(symbol), has.size),
        subscribe: this.#spelled(wants, (symbol) => !has.has(symbol), this.#universe.length),
      };
    });
    return [...this.#merged("unsubscribe", differences), ...this.#merged("subscribe", differences)];
  }

  /** @param {Channel} channel @returns {Set<string>} */
  #wants(channel) {
    if (!this.channels.has(channel)) return new Set();
    if (channel !== "book" || this.#doubted.size === 0) return this.#wanted;
    return new Set([...this.#wanted].filter((symbol) => !this.#doubted.has(symbol)));
  }

  /** @param {string[]} symbols */
  #spelledOut(symbols) {
    return new Set(symbols.includes(EVERYTHING) ? this.#universe : symbols);
  }

  /**
   * @param {Set<string>} symbols @param {(symbol: string) => boolean} chosen @param {number} all
   * @returns {string[]} the chosen ones, or `*` where that is all
   */
  #spelled(symbols, chosen, all) {
    const found = [...symbols].filter(chosen);
    return found.length > 0 && found.length === all ? [EVERYTHING] : found;
  }

  /**
   * One message for channels of which the same symbols are asked; more where the server's limit is passed.
   *
   * @param {"subscribe" | "unsubscribe"} op
   * @param {{channel: Channel, subscribe: string[], unsubscribe: string[]}[]} differences
   * @returns {Request[]}
   */
  #merged(op, differences) {
    /** @type {Map<string, Channel[]>} */
    const groups = new Map();
    for (const difference of differences) {
      const key = difference[op].join(" ");
      if (key) groups.set(key, [...(groups.get(key) ?? []), difference.channel]);
    }
    return [...groups].flatMap(([key, channels]) =>
      pieces(key.split(" "), this.#limit).map((symbols) => ({ op, channels, symbols })),
    );
  }
}

/** @param {string[]} list @param {number} size */
function pieces(list, size) {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, n) => list.slice(n * size, (n + 1) * size));
}
