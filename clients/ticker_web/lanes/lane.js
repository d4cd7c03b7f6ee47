/** One lane: a reader, what it has had, and how that looks. */

import { element, write } from "../element.js";
import { arrow, bytes, count, duration, many, NOTHING, price } from "../format.js";
import { METER } from "../meter.js";
import { words } from "./doing.js";
import { Strip } from "./strip.js";
import { Tally } from "./tally.js";
import { Trace } from "./trace.js";
import { token } from "../token.js";

/** @import {Tick} from "../client/messages.js" */
/** @import {Beginning, Doing, Listener, Report} from "../client/transports/exchange.js" */
/** @import {Wish} from "../client/wish.js" */
/** @import {Kind} from "./kinds.js" */

/** @type {[name: string, label: string, title: string][]} */
const FIGURES = [
  ["late", "late now", "The newest message: our clock when it came, less the server’s when it happened (ts)."],
  ["median", "median", "How late, of the last 200 messages."],
  ["p99", "p99", "How late, of the last 200 messages: one in a hundred was later."],
  ["holes", "holes in n", "Ticks that never came. Each carries a count n, so that a hole would show."],
  ["requests", "requests", "HTTP requests made, the upgrade among them."],
  ["connections", "new connections", "Opened for this lane. A request that found a kept-alive one, as the browser’s resource timing tells, is not counted."],
  ["received", "received", "Bodies, events or frames, without heads."],
  ["each", "ticks each", "Ticks in an answer or message: what was saved up for it."],
];

export class Lane {
  /** @type {Record<string, Text>} */
  #text = {};
  #doing = { what: /** @type {Doing} */ ("off"), sinceMs: 0, untilMs: /** @type {number | null} */ (null), why: "" };
  #answers = 0;
  #trace = new Trace();
  #said = element("output", { class: "report" });
  #button = element("button", { type: "button", class: "small talk-back", onclick: () => this.talk(this.other) });
  #price = element("strong", { class: "price" });
  #state = element("p", { class: "doing" });

  /**
   * @param {Kind} kind @param {URL} base @param {Wish} wish
   * @param {(lane: Lane, data: Tick[]) => void} onTicks @param {(symbol: string) => number} decimals
   */
  constructor(kind, base, wish, onTicks, decimals) {
    this.kind = kind;
    this.wish = wish;
    this.tally = new Tally(wish);
    this.decimals = decimals;
    this.reader = new kind.Reader(base, this.#listener(onTicks), { bare: true, meter: METER, token });
    this.strip = new Strip(this.#trace, `What the ${kind.title} did in the last eight seconds`);
    this.#said.textContent = kind.back;
    this.element = this.#build();
    this.#nameButton();
  }

  /** @param {Beginning} [beginning] */
  start(beginning) {
    this.reader.start(this.wish, beginning);
  }

  get quoted() {
    return this.wish.channels.includes("quotes");
  }

  /** @returns {Wish} the same symbols, with quotes or without */
  get other() {
    return { symbols: this.wish.symbols, channels: this.quoted ? ["trades"] : ["trades", "quotes"] };
  }

  /** @param {Wish} wish */
  talk(wish) {
    this.wish = wish;
    this.#nameButton();
    this.#said.textContent = "asked …";
    this.#said.classList.remove("done");
    this.reader.talk(wish);
  }

  /** Several times a second. @param {number} nowMs */
  paint(nowMs) {
    write(this.#state, words(this.#doing, nowMs));
    this.#paintPrice();
    this.#paintFigures();
  }

  /** @param {(lane: Lane, data: Tick[]) => void} onTicks @returns {Listener} */
  #listener(onTicks) {
    return {
      onDoing: (what, untilMs, why) => this.#does(what, untilMs, why),
      onUp: () => this.#trace.mark("up"),
      onDown: () => {
        this.#answers += 1;
        if (this.kind.answers) this.#trace.mark("down");
      },
      onTicks: (message) => {
        this.tally.take(message);
        this.#trace.fly(message);
        onTicks(this, message.data);
      },
      onFresh: (why) => {
        this.tally.restart();
        if (why) this.#said.textContent = why;
      },
      onSnapshot: (data) => this.tally.seed(data),
      onLag: (dropped) => void (this.tally.dropped += dropped),
      onTook: (wish) => this.tally.rewish(wish),
      onReport: (report) => this.#report(report),
    };
  }

  /** @param {Doing} what @param {number | null} untilMs @param {string} why */
  #does(what, untilMs, why) {
    this.#doing = { what, sinceMs: performance.now(), untilMs, why };
    this.#trace.doing(what);
    this.element.dataset.doing = what;
  }

  /** @param {Report} report */
  #report({ ms, requests, connections, frames }) {
    const cost = [many(connections, "new connection"), many(requests, "request")];
    if (frames > 0) cost.push(many(frames, "frame"));
    this.#said.textContent = `in force after ${duration(ms)}: ${cost.join(", ")}`;
    this.#said.classList.add("done");
  }

  #nameButton() {
    this.#button.textContent = this.quoted ? "Talk back: no quotes" : "Talk back: quotes too";
  }

  #paintPrice() {
    const symbol = this.wish.symbols[0];
    const known = this.tally.prices.get(symbol);
    const said = known ? `${price(known.last, this.decimals(symbol))} ${arrow(known.moved)}` : NOTHING;
    if (this.#price.textContent === said) return;
    this.#price.textContent = said;
    this.#price.dataset.way = known ? ["down", "level", "up"][known.moved + 1] : "level";
  }

  #paintFigures() {
    const { counts } = this.reader;
    const late = this.tally.lateness.figures;
    this.#write("late", late ? duration(late.now) : NOTHING);
    this.#write("median", late ? duration(late.median) : NOTHING);
    this.#write("p99", late ? duration(late.p99) : NOTHING);
    this.#write("holes", late ? count(this.tally.holes) : NOTHING);
    this.#write("requests", count(counts.requests));
    this.#write("connections", count(counts.connections));
    this.#write("received", bytes(counts.bytes));
    this.#write("each", late ? (this.tally.ticks / (this.kind.answers ? this.#answers : this.tally.messages)).toFixed(1) : NOTHING);
  }

  /** @param {string} name @param {string} said */
  #write(name, said) {
    write(this.#text[name], said);
  }

  #build() {
    const figures = FIGURES.map(([name, label, title]) => {
      this.#text[name] = new Text(NOTHING);
      return element("div", { title }, element("dt", {}, label), element("dd", { class: name }, this.#text[name]));
    });
    return element(
      "article",
      { class: "lane", "data-lane": this.kind.id, "aria-label": this.kind.title },
      element(
        "div",
        { class: "who" },
        element("h3", {}, this.kind.title, " ", element("code", {}, this.kind.line)),
        element("p", { class: "lesson" }, this.kind.lesson),
        element("p", { class: "now" }, this.#price),
        this.#state,
      ),
      element("div", { class: "strip" }, this.strip.canvas),
      element("div", { class: "had" }, element("dl", {}, ...figures), element("div", { class: "back" }, this.#button, this.#said)),
    );
  }
}
