/** @import {ClientMessage} from "./messages.js" */

const EVERY_MESSAGES = 50;
const ACKS_A_WINDOW = 4; // are on their way before the window is shut
const EVERY_MS = 1_000;

/** Tells the server of one connection now and then how far we have come: an ack is cumulative, so that one stands for many messages. */
export class Acks {
  #unacked = 0;
  #seq = 0;
  #lastMs = 0;
  #every = EVERY_MESSAGES;
  #send;

  /** @param {(message: ClientMessage) => boolean} send */
  constructor(send) {
    this.#send = send;
    this.#settle();
  }

  /** @param {number} size  messages that the server sends at most before it waits for an ack */
  window(size) {
    this.#every = size > 0 ? Math.max(1, Math.floor(size / ACKS_A_WINDOW)) : EVERY_MESSAGES;
  }

  /** @param {number} seq  of a `ticks` message that has been processed */
  processed(seq) {
    this.#seq = seq;
    this.#unacked += 1;
    if (this.#unacked >= this.#every) this.flush();
  }

  /** Called now and then: what is left does not wait for the fiftieth message. */
  remind() {
    if (this.#unacked > 0 && performance.now() - this.#lastMs >= EVERY_MS) this.flush();
  }

  /** @returns {boolean} whether it was sent */
  flush() {
    const sent = this.#seq > 0 && this.#send({ op: "ack", seq: this.#seq });
    this.#settle();
    return sent;
  }

  #settle() {
    this.#unacked = 0;
    this.#lastMs = performance.now();
  }
}
