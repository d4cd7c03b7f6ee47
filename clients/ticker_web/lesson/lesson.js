/** The section with the lesson: a first WebSocket to try, and the table that compares it with HTTP. */

import { element } from "../element.js";
import { Comparison } from "./comparison.js";
import { HelloBox } from "./hello_box.js";

export class Lesson {
  #parts;

  /** @param {HTMLElement} section @param {URL} base */
  constructor(section, base) {
    const box = new HelloBox();
    const table = new Comparison(base);
    this.#parts = [box, table];
    section.append(
      element("h2", {}, "Your first WebSocket"),
      element(
        "p",
        { class: "lead" },
        "The server at /hello writes down what it is sent, and answers Thanks. The button runs the very lines that you see.",
      ),
      box.element,
      element("h2", {}, "HTTP or WebSocket?"),
      element(
        "p",
        { class: "lead" },
        "While you look, this page reads one instrument’s trades twice: it asks every 250 ms, and it listens on a WebSocket. What it measures stands in each row.",
      ),
      table.element,
    );
  }

  open() {
    for (const part of this.#parts) part.open();
  }

  close() {
    for (const part of this.#parts) part.close();
  }
}
