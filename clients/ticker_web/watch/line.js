/** A line of the watch list: it shows one item after another, as the list is scrolled. */

import { element } from "../element.js";
import { arrow, change, NOTHING, price, stateWords, way } from "../format.js";
import { COLUMNS } from "./columns.js";
import { path } from "./trend.js";

/** @import {Name} from "./columns.js" */
/** @import {Item} from "./item.js" */

const SHORT = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
const SVG = "http://www.w3.org/2000/svg";
const TREND = { width: 80, height: 20 }; // pixels, where the stylesheet has room for as many
/** @type {Name[]} */
const WITH_ARROW = ["last", "change"];

export class Line {
  /** @type {Item | null} */
  item = null;
  #index = -1;
  #version = -1;
  #flashes = 0;
  #trend = -1;
  /** @type {Record<string, Text>} */
  #text = {};
  /** @type {Record<string, HTMLElement>} */
  #cell = {};
  #picture = document.createElementNS(SVG, "svg");
  #curve = document.createElementNS(SVG, "path");

  /** @param {string} id */
  constructor(id) {
    this.element = element("tr", { role: "row", id });
    for (const { name } of COLUMNS) this.#add(name);
    this.#picture.setAttribute("aria-hidden", "true");
    this.#picture.setAttribute("viewBox", `0 0 ${TREND.width} ${TREND.height}`);
    this.#picture.setAttribute("preserveAspectRatio", "none");
    this.#picture.append(this.#curve);
  }

  /** Show an item at a place of the list, from the top. @param {Item} item @param {number} index @param {number} rowPx */
  show(item, index, rowPx) {
    if (item !== this.item) this.#bind(item);
    if (index === this.#index) return;
    this.#index = index;
    this.element.style.transform = `translateY(${index * rowPx}px)`;
    this.element.setAttribute("aria-rowindex", String(index + 2)); // the head is the first
    this.element.hidden = false;
  }

  hide() {
    this.item = null;
    this.#index = -1;
    this.element.hidden = true;
  }

  /** Where its place has to be written anew, such as in another size. */
  forget() {
    this.#index = -1;
  }

  /** Write what changed. @param {boolean} selected @param {boolean} chosen */
  paint(selected, chosen) {
    const item = this.item;
    if (!item) return;
    this.#mark("aria-selected", selected);
    this.#mark("aria-current", chosen);
    if (item.version !== this.#version) this.#write(item);
    if (item.trend.version === this.#trend) return;
    this.#trend = item.trend.version;
    this.#curve.setAttribute("d", path(item.trend.points, TREND.width, TREND.height));
    this.#way("trend", item.trend.ratio);
  }

  /** @param {Item} item */
  #bind(item) {
    const { symbol, name, sector } = item.instrument;
    this.item = item;
    this.#version = this.#trend = -1;
    this.#flashes = item.flashes; // what it did unseen is not made up for
    delete this.#cell.last.dataset.flash;
    this.element.dataset.symbol = symbol;
    this.#say("symbol", symbol);
    this.#say("name", name);
    this.#say("sector", sector);
    this.#cell.name.title = `${name} · ${sector}`;
  }

  /** @param {Item} item */
  #write(item) {
    const { decimals } = item.instrument;
    const shown = (/** @type {number} */ px) => (px > 0 ? price(px, decimals) : NOTHING);
    this.#version = item.version;
    this.#say("last", shown(item.last));
    this.#say("lastArrow", arrow(item.moved));
    this.#say("change", item.last > 0 ? change(item.ratio) : NOTHING);
    this.#say("changeArrow", arrow(item.ratio));
    this.#say("bid", shown(item.bid));
    this.#say("ask", shown(item.ask));
    this.#say("volume", item.last > 0 ? SHORT.format(item.volume) : NOTHING);
    this.#way("last", item.moved);
    this.#way("change", item.ratio);
    this.#writeState(item);
    if (item.flashes === this.#flashes) return;
    this.#flashes = item.flashes;
    // Two equal animations by turns: a change of name starts it again, without a forced layout.
    this.#cell.last.dataset.flash = `${way(item.moved)}-${item.flashes % 2}`;
  }

  /** What is not usual is said in a word, and with a mark before the symbol. @param {Item} item */
  #writeState({ state, reason }) {
    const usual = state === "trading";
    const words = stateWords({ state, reason });
    this.#say("state", usual ? "" : stateWords({ state, reason: "" }));
    this.#say("symbolMark", usual ? "" : "‖ ");
    if (this.#cell.symbol.title !== words) this.#cell.symbol.title = words;
    if (this.element.dataset.state !== state) this.element.dataset.state = state;
  }

  /** @param {Name} name */
  #add(name) {
    const first = name === "symbol";
    const cell = element(first ? "th" : "td", { class: name, role: first ? "rowheader" : "gridcell" });
    this.#cell[name] = cell;
    this.element.append(cell);
    if (name === "trend") return cell.append(this.#picture);
    if (first) cell.append((this.#text.symbolMark = new Text("")));
    if (WITH_ARROW.includes(name)) {
      cell.append(element("span", { class: "arrow" }, (this.#text[`${name}Arrow`] = new Text(""))));
    }
    cell.append((this.#text[name] = new Text(NOTHING)));
    if (first) cell.append(element("span", { class: "state-word" }, (this.#text.state = new Text(""))));
  }

  /** @param {string} attribute @param {boolean} is */
  #mark(attribute, is) {
    const said = String(is);
    if (this.element.getAttribute(attribute) !== said) this.element.setAttribute(attribute, said);
  }

  /** @param {string} name @param {number} value */
  #way(name, value) {
    const cell = this.#cell[name];
    if (cell.dataset.way !== way(value)) cell.dataset.way = way(value);
  }

  /** @param {string} name @param {string} words */
  #say(name, words) {
    const text = this.#text[name];
    if (text.data !== words) text.data = words;
  }
}
