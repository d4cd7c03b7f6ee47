/**
 * The frames as lines, newest first. There are as many elements as fit the window: they are written anew, never made
 * anew, so that a thousand frames a second cost no more than what can be seen of them.
 */

import { element, write } from "../element.js";
import { bytes, duration } from "../format.js";
import { clockMs } from "./detail.js";
import { line } from "./kept.js";

/** @import {Frame} from "./kept.js" */

const ROW_PX = 28;
const SPARE = 2; // rows beyond the window, for half a row above and below
const COLUMNS = ["way", "time", "whose", "kind", "bytes", "late", "said"].map((name) => `wire-${name}`);
const NAMES = ["⇅", "Time", "Whose", "Kind", "Size", "Late", "What it says"];
const ARROWS = { sent: "→", received: "←", note: "·" };

export class List {
  /** @type {Frame[]} */
  #frames = [];
  /** @type {Row[]} */
  #rows = [];
  #chosen = 0;
  #stale = true;
  #onChoose;
  #inside = element("div", { class: "wire-rows" });
  #window = element("div", { class: "wire-window", id: "wire-list", role: "listbox", tabindex: "0", "aria-label": "Frames, newest first" }, this.#inside);
  element = element(
    "div",
    { class: "wire-list" },
    element("div", { class: "wire-row wire-names", "aria-hidden": "true" }, ...NAMES.map((name, n) => element("span", { class: COLUMNS[n] }, name))),
    this.#window,
  );

  /** @param {(frame: Frame, byKey: boolean) => void} onChoose */
  constructor(onChoose) {
    this.#onChoose = onChoose;
    this.#window.addEventListener("scroll", () => (this.#stale = true));
    this.#window.addEventListener("keydown", (event) => this.#key(event));
    this.#window.addEventListener("click", (event) => this.#click(event));
    new ResizeObserver(() => (this.#stale = true)).observe(this.#window);
  }

  /** Whether the newest is in sight. */
  get atTop() {
    return this.#window.scrollTop < ROW_PX;
  }

  toTop() {
    this.#window.scrollTop = 0;
  }

  /** @param {Frame[]} frames  newest first */
  show(frames) {
    this.#frames = frames;
    this.#stale = true;
  }

  /** @param {Frame | null} frame */
  choose(frame) {
    this.#chosen = frame?.number ?? 0;
    this.#stale = true;
  }

  /** Write what is in sight, if that has changed. */
  paint() {
    if (!this.#stale) return;
    this.#stale = false;
    this.#inside.style.height = `${this.#frames.length * ROW_PX}px`;
    const first = Math.max(0, Math.floor(this.#window.scrollTop / ROW_PX) - 1);
    const fit = Math.ceil(this.#window.clientHeight / ROW_PX) + SPARE;
    while (this.#rows.length < fit) this.#add();
    for (const [n, row] of this.#rows.entries()) {
      const frame = n < fit ? this.#frames[first + n] : undefined;
      row.write(frame, (first + n) * ROW_PX, frame?.number === this.#chosen);
    }
    const chosen = this.#rows.find((row) => row.frame?.number === this.#chosen);
    if (chosen) this.#window.setAttribute("aria-activedescendant", chosen.element.id);
    else this.#window.removeAttribute("aria-activedescendant");
  }

  #add() {
    const row = new Row(this.#rows.length);
    this.#rows.push(row);
    this.#inside.append(row.element);
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const row = this.#rows.find((one) => one.element.contains(/** @type {Node} */ (event.target)));
    if (row?.frame) this.#onChoose(row.frame, false);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const place = this.#frames.findIndex((frame) => frame.number === this.#chosen);
    /** @type {Record<string, number>} */
    const places = { ArrowDown: place + 1, ArrowUp: Math.max(0, place - 1), Home: 0, End: this.#frames.length - 1 };
    const frame = this.#frames[places[event.key] ?? -1];
    if (!(event.key in places)) return;
    event.preventDefault();
    if (!frame) return;
    this.#reveal(this.#frames.indexOf(frame));
    this.#onChoose(frame, true);
  }

  /** @param {number} place */
  #reveal(place) {
    const [top, height] = [place * ROW_PX, this.#window.clientHeight];
    if (top < this.#window.scrollTop) this.#window.scrollTop = top;
    if (top + ROW_PX > this.#window.scrollTop + height) this.#window.scrollTop = top + ROW_PX - height;
  }
}

class Row {
  /** @type {Frame | undefined} */
  frame;
  /** @type {Text[]} */
  #texts = COLUMNS.map(() => new Text(""));
  element;

  /** @param {number} number */
  constructor(number) {
    const cells = COLUMNS.map((column, n) => element("span", { class: column }, this.#texts[n]));
    this.element = element("div", { class: "wire-row", role: "option", id: `wire-row-${number}`, "aria-selected": "false" }, ...cells);
  }

  /** @param {Frame | undefined} frame @param {number} topPx @param {boolean} chosen */
  write(frame, topPx, chosen) {
    this.element.hidden = !frame;
    if (!frame) return void (this.frame = undefined);
    this.element.style.transform = `translateY(${topPx}px)`;
    if (this.element.getAttribute("aria-selected") !== String(chosen)) this.element.setAttribute("aria-selected", String(chosen));
    if (frame === this.frame) return;
    this.frame = frame;
    this.element.dataset.way = frame.way;
    const late = frame.latencyMs === undefined ? "" : duration(frame.latencyMs);
    const size = frame.way === "note" ? "" : bytes(frame.bytes);
    const said = [ARROWS[frame.way], clockMs(frame.atMs), frame.conversation, frame.kind, size, late, line(frame)];
    for (const [n, words] of said.entries()) write(this.#texts[n], words);
  }
}
