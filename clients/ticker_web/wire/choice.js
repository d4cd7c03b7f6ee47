/** One of a few, as a row of radio buttons. */

import { element } from "../element.js";

/** @template {string} Value */
export class Choice {
  element;
  /** @type {Map<Value, HTMLInputElement>} */
  #inputs = new Map();

  /**
   * @param {string} name  of the group, in the document @param {string} legend
   * @param {[value: Value, words: string][]} options  the first is chosen
   * @param {(value: Value) => void} onChange
   */
  constructor(name, legend, options, onChange) {
    const labels = options.map(([value, words], n) => {
      const input = element("input", { type: "radio", name, value, autocomplete: "off", onchange: () => onChange(value) });
      input.checked = n === 0;
      this.#inputs.set(value, input);
      return element("label", {}, input, words);
    });
    this.element = element("fieldset", { class: "choice" }, element("legend", { class: "unseen" }, legend), ...labels);
  }

  /** @returns {Value | undefined} */
  get value() {
    return [...this.#inputs].find(([, input]) => input.checked)?.[0];
  }

  /** Show a choice that was made elsewhere. @param {Value} value */
  show(value) {
    const input = this.#inputs.get(value);
    if (input) input.checked = true;
  }

  /** @param {boolean} are  whether there is something to choose */
  enable(are) {
    this.element.disabled = !are;
  }
}
