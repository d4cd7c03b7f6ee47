/** @import {ClientMessage} from "./messages.js" */

const EVERY_MESSAGES = 50;
const EVERY_MS = 1_000;

/** Tells the server now and then how far we have come: an ack is cumulative, so that one stands for many messages. */
export class Acks {
  #unacked = 0;
  #seq = 0;
  #lastMs = 0;
  #send;

  /** @param {(message: ClientMessage) => boolean} send */
  constructor(send) {
    this.#send = send;
  }

  /** A new conversation: nothing of the old one is owed. */
  restart() {
    this.#seq = 0;
    this.#settle();
  }

  /** @param {number} seq  of a `ticks` message that has been processed */
  processed(seq) {
    this.#seq = seq;
    this.#unacked += 1;
    if (this.#unacked >= EVERY_MESSAGES) this.flush();
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
