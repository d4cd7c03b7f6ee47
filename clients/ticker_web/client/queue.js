/** What came, and waits for whoever iterates. A message is processed when the one after it is asked for. */

/** @import {Message} from "./conversation.js" */
/** @import {Tick} from "./messages.js" */

export class Queue {
  /** @type {{message: Message, processed: (value?: undefined) => void}[]} */
  #waiting = [];
  /** Ticks of the first that were handed out. */
  #handed = 0;
  /** @type {() => void} */
  #wake = () => {};
  /** Whether nothing more comes, and why. @type {{error: Error | null} | null} */
  #ended = null;

  /** @param {Message} message @returns {Promise<unknown>} fulfilled when it has been processed */
  put(message) {
    return new Promise((processed) => {
      this.#ended = null;
      this.#waiting.push({ message, processed });
      this.#wake();
    });
  }

  /** Nothing more comes. @param {Error | null} error  that iterators throw after what is left; null where nothing is wanted any more */
  end(error) {
    if (error === null) [this.#waiting, this.#handed] = [[], 0];
    this.#ended = { error };
    this.#wake();
  }

  /** Something comes again. */
  reopen() {
    this.#ended = null;
  }

  /** @returns {AsyncGenerator<Tick, void>} one tick after the other; another one goes on where this one was left */
  async *ticks() {
    for (let next = await this.#first(); next; next = await this.#first()) yield next.data[this.#handed++];
  }

  /** @returns {AsyncGenerator<Message, void>} whole messages, or what is left of one */
  async *messages() {
    for (let next = await this.#first(); next; next = await this.#first()) {
      const left = this.#handed > 0 ? { ...next, data: next.data.slice(this.#handed) } : next;
      this.#handed = next.data.length;
      yield left;
    }
  }

  /** @returns {Promise<Message | null>} the first of which not all was handed out; null at the end */
  async #first() {
    for (;;) {
      const [first] = this.#waiting;
      if (first && this.#handed < first.message.data.length) return first.message;
      if (first) this.#settle();
      else if (!this.#ended) await new Promise((resolve) => (this.#wake = () => resolve(null)));
      else if (this.#ended.error) throw this.#ended.error;
      else return null;
    }
  }

  #settle() {
    this.#waiting.shift()?.processed();
    this.#handed = 0;
  }
}
