/** How we are connected: transport, language, position, how late, how much, and what was missed. The header says the state. */

import { element, write } from "../element.js";
import { bytes, count, duration, NOTHING } from "../format.js";
import { Rate } from "../rates.js";
import { Choice } from "./choice.js";
import { Latencies } from "./latencies.js";

/** @import {Encoding, Transport} from "../client/options.js" */
/** @import {Event} from "../client/transports/tap.js" */
/**
 * @typedef {object} Wishes
 * @property {(transport: Transport) => void} onSwitch
 * @property {() => void} onDrop
 * @property {(language: Encoding) => void} onLanguage
 */

const PAINT_MS = 250;

/** @type {[Transport, string][]} */
const TRANSPORTS = [
  ["ws", "WebSocket"],
  ["sse", "SSE"],
  ["long-poll", "Long poll"],
  ["short-poll", "Short poll"],
];
/** @type {[Encoding, string][]} */
const LANGUAGES = [
  ["json", "JSON"],
  ["packed", "packed"],
];
const LATE =
  "From the server’s clock, when a message of ticks was emitted (ts), to ours, when it was here: of the last minute. One machine " +
  "has one clock, so that this is exact; between two, their difference is in it. Less than nothing is shown as nothing.";
/** @type {[name: string, label: string, title: string][]} */
const FIGURES = [
  ["epoch", "Epoch", "The tape’s name: equal epoch and position mean equal market data."],
  ["seq", "Position", "The newest step of the tape that we have had."],
  ["median", "Latency p50", `${LATE} Half of them were later.`],
  ["p99", "Latency p99", `${LATE} One in a hundred was later.`],
  ["messages", "Messages/s", "Frames, events or answers that came, of all conversations, in the last two seconds."],
  ["bytes", "Received/s", "Their payloads, without heads: inflated ones, where the connection is compressed."],
  ["missed", "Gaps", "Ticks that never came. Each carries n, a count per instrument and channel, so that a hole would show."],
];

export class Panel {
  /** @type {Record<string, Text>} */
  #text = {};
  #latencies = new Latencies();
  #messages = new Rate();
  #bytes = new Rate();
  #paintedMs = -Infinity;

  /** @param {HTMLElement} root @param {Wishes} wishes */
  constructor(root, { onSwitch, onDrop, onLanguage }) {
    const language = new Choice("wire-language", "Ticks come as", LANGUAGES, onLanguage);
    language.element.title = "How ticks are written on a WebSocket. Agreed upon in the handshake: to switch is to connect anew.";
    const transport = new Choice("wire-transport", "Transport", TRANSPORTS, (chosen) => {
      language.enable(chosen === "ws");
      onSwitch(chosen);
    });
    transport.element.title = "All of them read the same tape: to switch is to go on from the same position.";
    const drop = element("button", { type: "button", class: "wire-drop", onclick: onDrop }, "Drop");
    drop.title = "Cut the connection: it comes back by itself, and goes on from where it was.";
    root.classList.add("wire-panel");
    root.append(
      element("div", { class: "wire-head" }, transport.element, language.element, drop),
      element("dl", { class: "wire-figures" }, ...FIGURES.map((figure) => this.#figure(figure))),
    );
  }

  /** @param {Event} event */
  tap({ way, atMs, bytes: size, latencyMs }) {
    if (way !== "received") return;
    this.#messages.add();
    this.#bytes.add(size);
    if (latencyMs !== undefined) this.#latencies.add(atMs, latencyMs);
  }

  /** @param {string} epoch @param {number} seq */
  position(epoch, seq) {
    this.#write("epoch", epoch || NOTHING);
    this.#write("seq", seq ? count(seq) : NOTHING);
  }

  /** @param {number} n  all ticks that never came */
  missed(n) {
    this.#write("missed", n === 0 ? "0 ✓" : count(n));
    this.#text.missed.parentElement?.classList.toggle("wrong", n > 0);
  }

  /** Called once a frame; figures change a few times a second. @param {number} nowMs */
  paint(nowMs) {
    if (nowMs - this.#paintedMs < PAINT_MS) return;
    this.#paintedMs = nowMs;
    const late = this.#latencies.figures(nowMs);
    this.#write("median", late ? duration(late.median) : NOTHING);
    this.#write("p99", late ? duration(late.p99) : NOTHING);
    this.#write("messages", count(Math.round(this.#messages.sample(nowMs))));
    this.#write("bytes", bytes(Math.round(this.#bytes.sample(nowMs))));
  }

  /** @param {string} name @param {string} said */
  #write(name, said) {
    write(this.#text[name], said);
  }

  /** @param {[name: string, label: string, title: string]} figure */
  #figure([name, label, title]) {
    this.#text[name] = new Text(name === "missed" ? "0 ✓" : NOTHING);
    return element("div", { title }, element("dt", {}, label), element("dd", { "data-figure": name }, this.#text[name]));
  }
}
