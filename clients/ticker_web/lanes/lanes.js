/** The section with all lanes: nothing of it runs while it is closed. */

import { listed, snapshot } from "../client/transports/once.js";
import { ShortPoll } from "../client/transports/short_poll.js";
import { element } from "../element.js";
import { count } from "../format.js";
import { KINDS } from "./kinds.js";
import { Lane } from "./lane.js";
import { Request } from "./request.js";
import { SameTape } from "./same_tape.js";
import { token } from "../token.js";

/** @import {Instrument, Tick} from "../client/messages.js" */
/** @import {Wish} from "../client/wish.js" */

const PAINT_MS = 100;
const CALM_MS = 500; // between two pictures, where the reader of the page wants less motion
const INTERVALS_MS = [1_000, 250];
const PER_HOST = 6; // connections a browser opens to one host for HTTP/1.1

export class Lanes {
  /** @type {Lane[]} */
  #lanes = [];
  #tape = new SameTape(0);
  /** @type {Wish} */
  #wish = { symbols: ["ACME"], channels: ["trades"] };
  /** @type {Map<string, Instrument>} */
  #instruments = new Map();
  #opened = 0;
  #painting = 0;
  #frame = 0;
  #drawnMs = 0;
  #calm = matchMedia("(prefers-reduced-motion: reduce)");
  #list = element("div", { class: "lanes" });
  #same = element("p", { class: "same", role: "status" });
  #held = element("p", { class: "held" });
  #symbol = element("select", { id: "lane-symbol", onchange: () => this.#follow(this.#symbol.value) });
  #measure = () => this.#lanes.forEach((lane) => lane.strip.measure());
  #base;

  /** @param {HTMLElement} section @param {URL} base */
  constructor(section, base) {
    this.#base = base;
    section.append(this.#tools(), legend(), this.#list, this.#notes());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", this.#measure);
  }

  async open() {
    this.close();
    const opened = (this.#opened += 1);
    const [instruments, beginning] = await Promise.all([listed(this.#base, token), snapshot(this.#base, this.#wish, token)]);
    if (opened !== this.#opened) return;
    if (instruments) this.#offer(instruments);
    this.#build();
    for (const lane of this.#lanes) lane.start(beginning);
    this.#measure();
    addEventListener("resize", this.#measure);
    this.#painting = setInterval(() => this.#paint(), PAINT_MS);
    this.#draw(performance.now());
  }

  close() {
    this.#opened += 1;
    removeEventListener("resize", this.#measure);
    clearInterval(this.#painting);
    cancelAnimationFrame(this.#frame);
    for (const lane of this.#lanes) lane.reader.stop();
  }

  /** @param {Instrument[]} instruments */
  #offer(instruments) {
    this.#instruments = new Map(instruments.map((instrument) => [instrument.symbol, instrument]));
    if (!this.#instruments.has(this.#wish.symbols[0])) this.#wish.symbols = [instruments[0].symbol];
    const options = instruments.map(({ symbol, name }) => element("option", { value: symbol }, `${symbol} · ${name}`));
    this.#symbol.replaceChildren(...options);
    this.#symbol.value = this.#wish.symbols[0];
  }

  #build() {
    const decimals = (/** @type {string} */ symbol) => this.#instruments.get(symbol)?.decimals ?? 2;
    const compared = KINDS.filter((kind) => kind.id !== "request").length;
    this.#tape = new SameTape(compared);
    this.#lanes = KINDS.map((kind) => new Lane(kind, this.#base, this.#wish, this.#compare, decimals));
    for (const lane of this.#lanes) lane.element.querySelector(".now")?.append(...this.#extras(lane.reader));
    this.#list.replaceChildren(...this.#lanes.map((lane) => lane.element));
  }

  /** What only one lane offers. @param {object} reader @returns {HTMLElement[]} */
  #extras(reader) {
    if (reader instanceof Request) {
      return [element("button", { type: "button", class: "small", onclick: () => reader.again() }, "Ask again")];
    }
    if (!(reader instanceof ShortPoll)) return [];
    const choices = INTERVALS_MS.map((ms) => {
      const pressed = String(ms === reader.intervalMs);
      return element("button", { type: "button", class: "small", "aria-pressed": pressed, "data-ms": String(ms) }, interval(ms));
    });
    for (const choice of choices) {
      choice.addEventListener("click", () => {
        reader.intervalMs = Number(choice.dataset.ms);
        for (const one of choices) one.setAttribute("aria-pressed", String(one === choice));
      });
    }
    return [element("span", { class: "channels", role: "group", "aria-label": "Asks every" }, ...choices)];
  }

  /** @param {Lane} lane @param {Tick[]} data */
  #compare = (lane, data) => this.#tape.note(lane.kind.id, lane.reader.position?.epoch ?? "", data);

  /** @param {string} symbol */
  #follow(symbol) {
    this.#wish = { ...this.#wish, symbols: [symbol] };
    for (const lane of this.#lanes) lane.talk({ ...lane.wish, symbols: [symbol] });
  }

  #paint() {
    const nowMs = performance.now();
    for (const lane of this.#lanes) lane.paint(nowMs);
    const { agreed, differed } = this.#tape;
    this.#same.dataset.same = differed > 0 ? "no" : agreed > 0 ? "yes" : "unknown";
    if (differed > 0) this.#same.textContent = `✗ ${count(differed)} ticks differ between two lanes`;
    else if (agreed === 0) this.#same.textContent = "same tape? comparing …";
    else this.#same.textContent = `✓ same tape: ${count(agreed)} ticks reached all four lanes, number for number, price for price`;
    const busy = this.#lanes.filter((lane) => ["held", "streaming"].includes(lane.element.dataset.doing ?? ""));
    this.#held.textContent = `${busy.length} of the ${PER_HOST} HTTP connections a browser allows a host are occupied right now`;
  }

  /** @param {number} nowMs */
  #draw(nowMs) {
    this.#frame = requestAnimationFrame((ms) => this.#draw(ms));
    if (this.#calm.matches && nowMs - this.#drawnMs < CALM_MS) return;
    this.#drawnMs = nowMs;
    for (const lane of this.#lanes) lane.strip.draw(performance.now());
  }

  /** Quotes for all, or for none where all have them. */
  #talkAll() {
    const lacking = this.#lanes.filter((lane) => !lane.quoted);
    for (const lane of lacking.length > 0 ? lacking : this.#lanes) lane.talk(lane.other);
  }

  #tools() {
    return element(
      "div",
      { class: "lane-tools" },
      element("label", { for: "lane-symbol" }, "Symbol "),
      this.#symbol,
      element("button", { type: "button", id: "talk-all", onclick: () => this.#talkAll() }, "Talk back on all lanes"),
      this.#same,
    );
  }

  #notes() {
    return element(
      "div",
      { class: "lane-notes" },
      this.#held,
      element(
        "p",
        {},
        "A long poll and an event stream occupy one each, a short poll only while it asks (the connection is kept alive). " +
          "WebSockets are counted apart. A few tabs of event streams use up all six.",
      ),
      element(
        "p",
        {},
        "Received counts what a page can see: bodies, events, frames. Heads of requests are hidden from it. " +
          "Lateness compares two clocks, which is exact on one machine only.",
      ),
    );
  }
}

function legend() {
  const mark = (/** @type {string} */ kind, /** @type {string} */ sign) => element("b", { class: kind }, sign);
  return element(
    "p",
    { class: "legend" },
    element("span", {}, mark("tick", "•╲•"), " a tick, from its birth on the server to this page: the flatter, the later"),
    element("span", {}, mark("ask", "↑"), " a request or a frame of ours"),
    element("span", {}, mark("hold", "▬"), " a request held by the server"),
    element("span", {}, mark("idle", "▬"), " this page waits"),
  );
}

/** @param {number} ms */
const interval = (ms) => (ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`);
