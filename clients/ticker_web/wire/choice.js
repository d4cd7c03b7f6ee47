/** One of a few, as a row of radio buttons. */

import { element } from "../element.js";

/** @template {string} Value */
export class Choice {
  element;

  /**
   * @param {string} name  of the group, in the document @param {string} legend
   * @param {[value: Value, words: string][]} options  the first is chosen
   * @param {(value: Value) => void} onChange
   */
  constructor(name, legend, options, onChange) {
    const labels = options.map(([value, words], n) => {
      const input = element("input", { type: "radio", name, value, autocomplete: "off", onchange: () => onChange(value) });
      input.checked = n === 0;
      return element("label", {}, input, words);
    });
    this.element = element("fieldset", { class: "choice" }, element("legend", { class: "unseen" }, legend), ...labels);
  }

  /** @param {boolean} are  whether there is something to choose */
  enable(are) {
    this.element.disabled = !are;
  }
}
