/** How we are connected: state, transport, language, position, how late, how much, and what was missed. */

import { element } from "../element.js";
import { bytes, count, duration, NOTHING } from "../format.js";
import { Rate } from "../rates.js";
import { Choice } from "./choice.js";
import { Latencies } from "./latencies.js";
import { rank, stateWords } from "./states.js";

/** @import {Event} from "../transports/tap.js" */
/** @typedef {"ws" | "sse" | "long-poll" | "short-poll"} Transport */
/** @typedef {"json" | "packed"} Language */
/**
 * @typedef {object} Wishes
 * @property {(transport: Transport) => void} onSwitch
 * @property {() => void} onDrop
 * @property {(language: Language) => void} onLanguage
 */

const PAINT_MS = 250;

/** @type {[Transport, string][]} */
const TRANSPORTS = [
  ["ws", "WebSocket"],
  ["sse", "SSE"],
  ["long-poll", "Long poll"],
  ["short-poll", "Short poll"],
];
/** @type {[Language, string][]} */
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
  ["median", "Latency, median", LATE],
  ["p99", "Latency, p99", `${LATE} One in a hundred was later.`],
  ["messages", "Messages/s", "Frames, events or answers that came, of all conversations, in the last two seconds."],
  ["bytes", "Received/s", "Their payloads, without heads: inflated ones, where the connection is compressed."],
  ["missed", "Gaps", "Ticks that never came. Each carries n, a count per instrument and channel, so that a hole would show."],
];

export class Panel {
  /** @type {Record<string, Text>} */
  #text = {};
  /** @type {Map<string, {state: string, why: string}>} what each conversation is doing */
  #states = new Map();
  #latencies = new Latencies();
  #messages = new Rate();
  #bytes = new Rate();
  #paintedMs = -Infinity;
  #dot = element("span", { class: "dot", "aria-hidden": "true" });
  #word = element("strong", {}, "connecting");
  #why = element("span", { class: "why" });
  #state = element("p", { class: "wire-state", role: "status" }, this.#dot, this.#word, this.#why);
  #drop;
  #root;
  #transport;
  #language;

  /** @param {HTMLElement} root @param {Wishes} wishes */
  constructor(root, { onSwitch, onDrop, onLanguage }) {
    this.#root = root;
    this.#language = new Choice("wire-language", "Ticks come as", LANGUAGES, onLanguage);
    this.#language.element.title = "How ticks are written on a WebSocket. Agreed upon in the handshake: to switch is to connect anew.";
    this.#transport = new Choice("wire-transport", "Transport", TRANSPORTS, (transport) => {
      this.#language.enable(transport === "ws");
      onSwitch(transport);
    });
    this.#transport.element.title = "All of them read the same tape: to switch is to go on from the same position.";
    this.#drop = element("button", { type: "button", class: "wire-drop", onclick: onDrop }, "Drop");
    this.#drop.title = "Cut the connection: it comes back by itself, and goes on from where it was.";
    root.classList.add("wire-panel");
    root.append(
      element("div", { class: "wire-head" }, this.#state, this.#transport.element, this.#language.element, this.#drop),
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

  /** @param {string} conversation @param {string} state @param {string} why */
  state(conversation, state, why) {
    this.#states.set(conversation, { state, why });
    const [worst] = [...this.#states].sort(([, one], [, other]) => rank(other.state) - rank(one.state));
    const told = worst[1];
    const apart = [...this.#states.values()].some((one) => rank(one.state) !== rank(told.state));
    const words = stateWords(told.state);
    this.#root.dataset.health = words.health;
    this.#word.textContent = words.word;
    this.#why.textContent = [apart ? worst[0] : "", told.why].filter(Boolean).join(": ");
    this.#why.title = told.why;
  }

  /** What is spoken, where the page decided it. @param {Transport} transport @param {Language} language */
  show(transport, language) {
    this.#transport.show(transport);
    this.#language.show(language);
    this.#language.enable(transport === "ws");
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
    if (this.#text[name].data !== said) this.#text[name].data = said;
  }

  /** @param {[name: string, label: string, title: string]} figure */
  #figure([name, label, title]) {
    this.#text[name] = new Text(name === "missed" ? "0 ✓" : NOTHING);
    return element("div", { title }, element("dt", {}, label), element("dd", { "data-figure": name }, this.#text[name]));
  }
}
