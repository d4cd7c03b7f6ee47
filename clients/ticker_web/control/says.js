/** What came of a press of a button: the answer, or the refusal, in words. */

import { element } from "../element.js";
import { Refused } from "./admin.js";

export class Says {
  element = element("p", { class: "control-said", role: "status" });

  /** @param {string} words */
  good(words) {
    this.#write(`✓ ${words}`, "good");
  }

  /** @param {unknown} error */
  bad(error) {
    if (!(error instanceof Refused)) throw error;
    this.#write(`✗ ${error.code ? `Refused (${error.code}): ` : ""}${error.message}`, "bad");
  }

  /** Wait for an answer, and tell of it. @template T @param {Promise<T>} answer @param {(said: T) => string} words */
  async of(answer, words) {
    this.#write("asked …", "asked");
    try {
      this.good(words(await answer));
    } catch (error) {
      this.bad(error);
    }
  }

  /** @param {string} words @param {string} kind */
  #write(words, kind) {
    this.element.textContent = words;
    this.element.dataset.kind = kind;
  }
}
