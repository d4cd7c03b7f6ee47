/** The lesson's table, each row with what this page measures while it is open: a short poll and a WebSocket side by side. */

import { listed, snapshot } from "../client/transports/once.js";
import { ShortPoll } from "../client/transports/short_poll.js";
import { Socket } from "../client/transports/websocket.js";
import { element } from "../element.js";
import { count, duration, many } from "../format.js";
import { Tally } from "../lanes/tally.js";
import { METER } from "../meter.js";
import { token } from "../token.js";

/** @import {Listener} from "../client/transports/exchange.js" */
/** @import {Reader} from "../client/transports/reader.js" */
/** @import {Wish} from "../client/wish.js" */

const INTERVAL_MS = 250;
const PAINT_MS = 250;

/** @type {[id: string, name: string, http: string, websocket: string][]} */
const ROWS = [
  ["like", "is like", "e-mail: a letter, and perhaps an answer", "a phone call: connected until somebody hangs up"],
  ["state", "memory", "stateless: every request says everything again", "stateful: said once, and the server remembers it"],
  ["way", "direction", "one way at a time: first the question, then the answer", "both ways at once: nobody waits for the other"],
  ["late", "how late", "news waits until somebody asks", "news comes when it happens"],
  ["heads", "around each message", "a head of some hundred bytes on every question and answer", "a frame’s head: 2, 4 or 10 bytes, and a mask of 4 upwards"],
];

export class Comparison {
  /** @type {globalThis.Record<string, [HTMLElement, HTMLElement]>} */
  #cells = {};
  /** @type {{poll: Measured, socket: Measured} | null} */
  #two = null;
  #painting = 0;
  #opened = 0;
  #base;
  element;

  /** @param {URL} base */
  constructor(base) {
    this.#base = base;
    const head = ["", "HTTP", "WebSocket"].map((name) => element("th", { scope: "col" }, name));
    const rows = ROWS.map(([id, name, http, websocket]) => {
      this.#cells[id] = [element("p", { class: "measured" }), element("p", { class: "measured" })];
      const [left, right] = this.#cells[id];
      return element(
        "tr",
        { "data-row": id },
        element("th", { scope: "row" }, name),
        element("td", {}, element("p", {}, http), left),
        element("td", {}, element("p", {}, websocket), right),
      );
    });
    this.element = element("table", { class: "plain lesson-table" }, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
  }

  async open() {
    this.close();
    const opened = (this.#opened += 1);
    const symbol = (await listed(this.#base, token))?.[0].symbol ?? "ACME"; // or the server is away
    /** @type {Wish} */
    const wish = { symbols: [symbol], channels: ["trades"] };
    const beginning = await snapshot(this.#base, wish, token);
    if (opened !== this.#opened) return;
    this.#two = { poll: measured(ShortPoll, this.#base, wish), socket: measured(Socket, this.#base, wish) };
    /** @type {ShortPoll} */ (this.#two.poll.reader).intervalMs = INTERVAL_MS;
    for (const one of Object.values(this.#two)) one.reader.start(wish, beginning);
    this.#painting = setInterval(() => this.#paint(), PAINT_MS);
  }

  close() {
    this.#opened += 1;
    clearInterval(this.#painting);
    if (this.#two) for (const one of Object.values(this.#two)) one.reader.stop();
  }

  #paint() {
    if (!this.#two) return;
    const { poll, socket } = this.#two;
    const [asked, framed] = [poll.reader.counts, socket.reader.counts];
    this.#write("like", `${many(asked.requests, "question")} for ${many(poll.tally.ticks, "tick")}`, `1 call for ${many(socket.tally.ticks, "tick")}`);
    this.#write(
      "state",
      `“symbols, channels, since” was said ${many(asked.requests, "time")}`,
      `“subscribe” was said once; ${many(socket.tally.messages, "message")} followed`,
    );
    this.#write(
      "way",
      `${many(asked.requests, "question")} and ${many(poll.answers, "answer")}, by turns`,
      `${many(framed.frames, "message")} sent up while ${count(socket.tally.messages)} came down`,
    );
    this.#write("late", late(poll.tally), late(socket.tally));
    this.#write(
      "heads",
      `at least ${each(asked.heads, poll.tally.ticks)} bytes of heads a tick`,
      `${each(framed.heads, socket.tally.ticks)} bytes of heads a tick, after one upgrade`,
    );
  }

  /** @param {string} id @param {string} http @param {string} websocket */
  #write(id, http, websocket) {
    const [left, right] = this.#cells[id];
    left.textContent = http;
    right.textContent = websocket;
  }
}

/** @typedef {{reader: Reader, tally: Tally, answers: number}} Measured */

/** @param {Tally} tally */
function late(tally) {
  const figures = tally.lateness.figures;
  return figures ? `half of it within ${duration(figures.median)}, nearly all within ${duration(figures.p99)}` : "";
}

/** @param {typeof Reader} Kind @param {URL} base @param {Wish} wish @returns {Measured} */
function measured(Kind, base, wish) {
  const tally = new Tally(wish);
  const counted = { answers: 0 };
  const nothing = () => {};
  /** @type {Listener} */
  const listener = {
    onDoing: nothing,
    onUp: nothing,
    onDown: () => void (counted.answers += 1),
    onTicks: (message) => tally.take(message),
    onFresh: () => tally.restart(),
    onSnapshot: (data) => tally.seed(data),
    onLag: (dropped) => void (tally.dropped += dropped),
    onTook: nothing,
    onReport: nothing,
  };
  return Object.assign(counted, { reader: new Kind(base, listener, { bare: true, meter: METER, token }), tally });
}

/** @param {number} heads @param {number} ticks */
const each = (heads, ticks) => (ticks ? (heads / ticks).toFixed(heads / ticks < 10 ? 1 : 0) : "–");
