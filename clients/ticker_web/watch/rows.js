/** The rows that are seen, and few more: however long the list is, the page has no others. */

import { Line } from "./line.js";

/** @import {Item} from "./item.js" */

const BEYOND = 4; // rows above and below, so that a quick finger finds them there
const ROW_REM = 1.875; // as the stylesheet has it

export class Rows {
  /** @type {Item[]} */
  #items = [];
  /** @type {Line[]} */
  #lines = [];
  #rowPx = 30;
  #heightPx = 0;
  #topPx = 0;
  #pane;
  #body;

  /** @param {HTMLElement} pane  that scrolls @param {HTMLElement} body  of the table in it */
  constructor(pane, body) {
    this.#pane = pane;
    this.#body = body;
    pane.addEventListener("scroll", () => (this.#topPx = pane.scrollTop), { passive: true });
    new ResizeObserver(() => this.#measure()).observe(pane);
    this.#measure();
  }

  /** @param {Item[]} items  in the order in which they are shown */
  set items(items) {
    if (items.length !== this.#items.length) this.#body.style.height = `${items.length * this.#rowPx}px`;
    this.#items = items;
    this.#topPx = this.#pane.scrollTop; // a shorter list may have moved it
  }

  /** How many rows are seen at once. */
  get seen() {
    return Math.max(1, Math.floor((this.#heightPx - this.#rowPx) / this.#rowPx));
  }

  /** @param {number} index  of an item that is to be seen */
  reveal(index) {
    const [top, bottom] = [index * this.#rowPx, (index + 2) * this.#rowPx]; // the head covers the first row
    if (top < this.#pane.scrollTop) this.#pane.scrollTop = top;
    else if (bottom > this.#pane.scrollTop + this.#heightPx) this.#pane.scrollTop = bottom - this.#heightPx;
    this.#topPx = this.#pane.scrollTop;
  }

  /** Write what changed of what is seen. @param {Item | undefined} selected @param {Item | undefined} chosen */
  paint(selected, chosen) {
    if (this.#heightPx === 0) return;
    const first = Math.max(0, Math.floor(this.#topPx / this.#rowPx) - BEYOND);
    const last = Math.min(this.#items.length, first + this.#lines.length);
    const count = this.#lines.length;
    for (let n = 0; n < count; n += 1) {
      const index = first + ((((n - first) % count) + count) % count); // the one in view that this line stands for
      const line = this.#lines[n];
      if (index >= last) {
        if (line.item) line.hide();
        continue;
      }
      const item = this.#items[index];
      line.show(item, index, this.#rowPx);
      line.paint(item === selected, item === chosen);
    }
  }

  /** @param {Item | undefined} item @returns {string} the id of the line that shows it, or "" */
  idOf(item) {
    return (item && this.#lines.find((line) => line.item === item)?.element.id) ?? "";
  }

  #measure() {
    this.#rowPx = ROW_REM * parseFloat(getComputedStyle(document.documentElement).fontSize);
    this.#heightPx = this.#pane.clientHeight;
    this.#body.style.height = `${this.#items.length * this.#rowPx}px`;
    const due = Math.ceil(this.#heightPx / this.#rowPx) + 2 * BEYOND;
    while (this.#lines.length < due) {
      const line = new Line(`row-${this.#lines.length}`);
      line.hide();
      this.#lines.push(line);
      this.#body.append(line.element);
    }
    for (const line of this.#lines.splice(Math.max(due, 1))) line.element.remove();
    for (const line of this.#lines) line.forget();
  }
}
