/** A message said by hand on the focus's WebSocket, and what comes back. */

import { element } from "../element.js";
import { line, wholeText } from "./kept.js";
import { readable } from "./pretty.js";

/** @import {Frame} from "./kept.js" */

/** @type {[name: string, message: string][]} */
const EXAMPLES = [
  ["ping", '{"op":"ping","ts":1,"id":"mine"}'],
  ["list: what is subscribed", '{"op":"list","id":"mine"}'],
  ["subscribe to one more", '{"op":"subscribe","channels":["trades"],"symbols":["BYTE"],"id":"mine"}'],
  ["and no more", '{"op":"unsubscribe","channels":["trades"],"symbols":["BYTE"],"id":"mine"}'],
  ["a window of 50 messages", '{"op":"window","size":50,"id":"mine"}'],
  ["no window", '{"op":"window","size":0,"id":"mine"}'],
  ["an unknown symbol", '{"op":"subscribe","symbols":["NOBODY"],"id":"mine"}'],
  ["an ack too far", '{"op":"ack","seq":999999999}'],
  ["no JSON", "Hello, is this the market?"],
];
const FLOW = ["ticks", "heartbeat"]; // comes by itself
const PATIENCE_MS = 3_000;

export class ByHand {
  #sentAtMs = -Infinity;
  #expected = "";
  #answered = true;
  #talk = "";
  #text = element("textarea", { id: "wire-message", rows: "3", spellcheck: "false", autocomplete: "off" });
  #answer = element("pre", { class: "wire-answer", tabindex: "0", "aria-live": "polite", "aria-label": "Its answer" });
  element;

  /** @param {(text: string) => string} send  @returns the conversation it was sent on, or "" */
  constructor(send) {
    const options = EXAMPLES.map(([name], n) => element("option", { value: String(n) }, name));
    const example = element("select", { id: "wire-example", onchange: () => this.#take(Number(example.value)) }, ...options);
    this.#take(0);
    this.#text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    const form = element(
      "form",
      { onsubmit: (event) => this.#submit(event, send) },
      element(
        "div",
        { class: "wire-line" },
        element("label", { for: "wire-message" }, "Say"),
        element("label", { for: "wire-example", class: "unseen" }, "An example"),
        example,
        element("button", { id: "wire-send", title: "Ctrl+Enter" }, "Send"),
      ),
      this.#text,
    );
    this.element = element("section", { class: "wire-card wire-by-hand" }, element("h3", {}, "By hand"), form, this.#answer);
  }

  /** @param {Frame} frame  just kept */
  hear(frame) {
    if (this.#answered || frame.way !== "received" || frame.conversation !== this.#talk || FLOW.includes(frame.kind)) return;
    if (frame.atMs < this.#sentAtMs || frame.atMs > this.#sentAtMs + PATIENCE_MS) return;
    const text = wholeText(frame);
    const nameless = frame.kind === "error" && !text.includes('"id":'); // what is no message has no id
    if (this.#expected && !nameless && !text.includes(`"id":${this.#expected}`)) return;
    this.#answered = true;
    this.#say(readable(text) || line(frame), frame.kind === "error" ? "refused" : "answered");
  }

  /** What is never answered is not waited for. @param {number} nowMs */
  paint(nowMs) {
    if (this.#answered || nowMs < this.#sentAtMs + PATIENCE_MS) return;
    this.#answered = true;
    this.#say("No answer: an ack that fits has none.", "quiet");
  }

  /** @param {number} n */
  #take(n) {
    this.#text.value = EXAMPLES[n][1];
  }

  /** @param {Event} event @param {(text: string) => string} send */
  #submit(event, send) {
    event.preventDefault(); // a form would load another page
    this.#sentAtMs = performance.now();
    this.#expected = idOf(this.#text.value);
    this.#answered = false;
    this.#say("sent …", "quiet");
    this.#talk = send(this.#text.value);
    if (this.#talk) return;
    this.#answered = true;
    this.#say("Not sent: there is no open WebSocket to say it on. Choose WebSocket as the transport.", "refused");
  }

  /** @param {string} words @param {string} kind */
  #say(words, kind) {
    this.#answer.textContent = words;
    this.#answer.dataset.kind = kind;
  }
}

/** @param {string} text @returns {string} its id as JSON spells it, or "" */
function idOf(text) {
  try {
    const { id } = JSON.parse(text);
    return id === undefined ? "" : JSON.stringify(id);
  } catch {
    return "";
  }
}
