/**
 * The watch list: search, sectors, order and rows of all instruments. Ticks are noted as they come, and what is seen of them
 * is painted once per frame. Arrows move what is selected, Enter or a click chooses it.
 */

import { element, options, write } from "../element.js";
import { count, sectorsOf } from "../format.js";
import { COLUMNS, pressed, sorted } from "./columns.js";
import { Item } from "./item.js";
import { Rows } from "./rows.js";

/** @import {Instrument, Tick} from "../client/messages.js" */
/** @import {Column, Order} from "./columns.js" */

const TYPING_MS = 150; // a pause this long ends a word, and the subscription follows
const SECOND_MS = 1_000;

/**
 * @typedef {object} Listener
 * @property {(instrument: Instrument) => void} onChoose
 * @property {(symbols: string[], all: boolean) => void} onShown  these are in the list now
 */

export class WatchList {
  /** @type {Map<string, Item>} */
  #items = new Map();
  /** @type {Item[]} in the order in which they are shown */
  #shown = [];
  /** @type {Order} */
  #order = null;
  /** @type {Item | undefined} */
  #selected;
  /** @type {Item | undefined} */
  #chosen;
  #typing = 0;
  #secondMs = 0;
  #search = element("input", {
    id: "search", type: "search", placeholder: "Search", autocomplete: "off", spellcheck: "false", "aria-keyshortcuts": "/",
    "aria-label": "Search instruments by symbol, name or sector", "aria-controls": "rows", oninput: () => this.#typed(),
  });
  #sector = element("select", { id: "sector", "aria-label": "Sector", onchange: () => this.#follow() });
  #heads = COLUMNS.map((column) => this.#head(column));
  #body = element("tbody", { id: "rows", role: "rowgroup" });
  #table = element("table", { role: "grid", tabindex: "0", "aria-label": "Watch list" });
  #empty = element("p", { class: "empty", id: "empty", hidden: true }, "No instrument matches, so nothing is subscribed.");
  #count = element("p", { id: "count", role: "status" });
  #breadth = element("p", { id: "breadth", title: "Instruments above and below their close of the day before" });
  #rows;
  #listener;

  /** @param {HTMLElement} root @param {Listener} listener */
  constructor(root, listener) {
    this.#listener = listener;
    const search = element("label", { class: "search" }, this.#search, element("kbd", { "aria-hidden": "true" }, "/"));
    this.#table.append(element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...this.#heads)), this.#body);
    const pane = element("div", { class: "pane" }, this.#table, this.#empty);
    root.append(
      element("div", { class: "tools" }, search, this.#sector),
      pane,
      element("div", { class: "foot" }, this.#count, this.#breadth),
    );
    this.#rows = new Rows(pane, this.#body);
    this.#body.addEventListener("click", (event) => this.#clicked(event));
    root.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("keydown", (event) => this.#shortcut(event));
  }

  /** @returns {string} what is chosen */
  get symbol() {
    return this.#chosen?.symbol ?? "";
  }

  /** Begin again with these. @param {Instrument[]} instruments */
  build(instruments) {
    this.#items = new Map(instruments.map((instrument, place) => [instrument.symbol, new Item(instrument, place)]));
    this.#chosen = this.#selected = undefined;
    const sectors = sectorsOf(instruments);
    const kept = this.#sector.value;
    this.#sector.replaceChildren(...options(["", ...sectors], "All sectors"));
    this.#sector.value = sectors.includes(kept) ? kept : "";
    this.#follow();
  }

  /** Choose by name; the first there is where there is no such. @param {string} symbol */
  choose(symbol) {
    const item = this.#items.get(symbol) ?? this.#items.values().next().value;
    if (!item || item === this.#chosen) return;
    this.#chosen = this.#selected = item;
    const index = this.#shown.indexOf(item);
    if (index >= 0) this.#rows.reveal(index);
    this.#listener.onChoose(item.instrument);
  }

  /** @param {Tick[]} ticks */
  take(ticks) {
    for (const tick of ticks) this.#items.get(tick.sym)?.take(tick);
  }

  /** Take the newest out of a snapshot. @param {Tick[]} ticks */
  reset(ticks) {
    for (const tick of ticks) this.#items.get(tick.sym)?.reset(tick);
  }

  /** Once a frame. @param {number} nowMs */
  paint(nowMs) {
    if (nowMs - this.#secondMs >= SECOND_MS) {
      this.#secondMs = nowMs;
      this.#second();
    }
    this.#rows.paint(this.#selected, this.#chosen);
    this.#point();
  }

  #second() {
    let [up, down, other] = [0, 0, 0];
    for (const item of this.#items.values()) {
      item.sample();
      if (item.ratio > 0) up += 1;
      if (item.ratio < 0) down += 1;
      if (item.state !== "trading") other += 1;
    }
    write(this.#breadth, `▲ ${count(up)}  ▼ ${count(down)}${other > 0 ? `  ‖ ${count(other)} not trading` : ""}`);
    // Rows do not run away from under a pointer.
    if (this.#order && !this.#body.matches(":hover")) this.#arrange(this.#shown);
  }

  #typed() {
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.#follow(), TYPING_MS);
  }

  /** Show what search and sector let through, and have that subscribed alone. */
  #follow() {
    clearTimeout(this.#typing);
    const words = this.#search.value.trim().toLowerCase();
    const needles = words.split(/\s+/);
    const sector = this.#sector.value;
    const found = [...this.#items.values()].filter(
      (item) => (!sector || item.instrument.sector === sector) && needles.every((needle) => item.words.includes(needle)),
    );
    this.#arrange(found, words);
    if (!this.#selected || !this.#shown.includes(this.#selected)) this.#selected = this.#shown[0];
    const all = found.length === this.#items.size;
    write(this.#count, `${count(found.length)} of ${count(this.#items.size)}`);
    this.#empty.hidden = found.length > 0 || this.#items.size === 0;
    this.#listener.onShown(found.map((item) => item.symbol), all);
  }

  /** @param {Item[]} items @param {string} [words]  whoever is called so comes first, where no order is asked for */
  #arrange(items, words = "") {
    const list = sorted(items, this.#order);
    const called = (/** @type {Item} */ item) => item.symbol.toLowerCase().startsWith(words);
    const first = words && !this.#order ? [...list.filter(called), ...list.filter((item) => !called(item))] : list;
    this.#shown = this.#rows.items = first;
    this.#table.setAttribute("aria-rowcount", String(first.length + 1));
  }

  /** @param {Column} column */
  #press(column) {
    this.#order = pressed(this.#order, column, this.#shown[0]);
    this.#heads.forEach((head, n) => {
      const sorts = this.#order?.column === COLUMNS[n].name;
      if (sorts) head.setAttribute("aria-sort", this.#order?.descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    this.#arrange(this.#shown);
    this.#rows.reveal(0);
  }

  /** @param {Column} column */
  #head(column) {
    const { name, label, title } = column;
    const button = element("button", { type: "button", onclick: () => this.#press(column), ...(title && { title }) }, label);
    return element("th", { role: "columnheader", scope: "col", class: name }, button);
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const row = /** @type {Element} */ (event.target).closest("tr");
    if (row?.dataset.symbol) this.choose(row.dataset.symbol);
  }

  /** Keys inside of the list. @param {KeyboardEvent} event */
  #key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.target instanceof HTMLSelectElement || event.target instanceof HTMLButtonElement) return;
    const searching = event.target === this.#search;
    if (event.key === "Enter") {
      if (searching) this.#follow(); // it may be that the word has not ended yet
      if (this.#selected) this.choose(this.#selected.symbol);
    } else if (event.key === "Escape" && searching) this.#clear();
    else if (searching && (event.key === "Home" || event.key === "End")) return;
    else if (!this.#move(event.key)) return;
    event.preventDefault();
  }

  /** Keys wherever nothing is typed: `/` searches. @param {KeyboardEvent} event */
  #shortcut(event) {
    const { target } = event;
    const typing = target instanceof HTMLElement && target.matches("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!this.#search.checkVisibility()) return;
    event.preventDefault();
    this.#search.focus();
    this.#search.select();
  }

  #clear() {
    this.#search.value = "";
    this.#follow();
  }

  /** @param {string} key @returns {boolean} whether it moves what is selected */
  #move(key) {
    const last = this.#shown.length - 1;
    const here = this.#selected ? this.#shown.indexOf(this.#selected) : -1;
    /** @type {Record<string, number>} */
    const ways = { ArrowDown: here + 1, ArrowUp: here - 1, PageDown: here + this.#rows.seen, PageUp: here - this.#rows.seen, Home: 0, End: last };
    if (!(key in ways)) return false;
    const index = Math.max(0, Math.min(last, ways[key]));
    this.#selected = this.#shown[index];
    if (this.#selected) this.#rows.reveal(index);
    return true;
  }

  /** Tell those who cannot see it which row is selected. */
  #point() {
    const id = this.#rows.idOf(this.#selected);
    if (this.#table.getAttribute("aria-activedescendant") === (id || null)) return;
    if (id) this.#table.setAttribute("aria-activedescendant", id);
    else this.#table.removeAttribute("aria-activedescendant");
  }
}
