/** The wire inspector: the last frames both ways, of all conversations or of one; and what makes something happen on it. */

import { element } from "../element.js";
import { count } from "../format.js";
import { ByHand } from "./by_hand.js";
import { copyButton } from "./copy.js";
import { clockMs, Detail } from "./detail.js";
import { Experiments } from "./experiments.js";
import { Kept, wholeText } from "./kept.js";
import { List } from "./list.js";

/** @import {ClientMessage} from "../client/messages.js" */
/** @import {Event, Saying} from "../client/transports/tap.js" */
/** @import {Frame} from "./kept.js" */
/**
 * @typedef {object} ReaderLike
 * @property {(message: ClientMessage | string) => boolean} send
 * @property {() => boolean} [ack]
 */
/** @typedef {{name: string, reader: ReaderLike | null, drop: () => void}} ConversationLike */
/** @typedef {{conversations: () => ConversationLike[]}} Talk */

const FOCUS = "focus"; // whose WebSocket is talked on by hand
const SLOW = "slow reader"; // what the connection that stops reading is called
const TYPING_MS = 150;

export class Wire {
  #kept = new Kept();
  #list = new List((frame, byKey) => this.#choose(frame, byKey));
  #detail = new Detail();
  #byHand = new ByHand((text) => this.#say(text));
  #experiments;
  /** Frames in sight, while the list stands still. @type {Frame[] | null} */
  #still = null;
  #stillAt = 0;
  #paused = false;
  #open = false;
  #seen = -1;
  #typing = 0;
  #filter = element("input", { type: "search", id: "wire-filter", placeholder: "Filter: a word in a frame", autocomplete: "off", spellcheck: "false" });
  #whose = element("select", { id: "wire-whose", "aria-label": "Conversation", onchange: () => this.#sift() });
  #pause = element("button", { type: "button", id: "wire-pause", onclick: () => this.#setPaused(!this.#paused) }, "Pause");
  #copy = copyButton({ id: "wire-copy", title: "All that the filter lets through, a frame a line" }, () => this.#all());
  #newer = element("button", { type: "button", class: "small wire-newer", hidden: true, onclick: () => this.#catchUp() });
  #count = element("p", { class: "wire-count" });
  #talk;

  /** @param {HTMLElement} root @param {Talk} talk @param {URL} [base] */
  constructor(root, talk, base = new URL(".", location.href)) {
    this.#talk = talk;
    const wishes = { onAck: () => this.#ack(), onDrop: () => this.#conversation()?.drop() };
    this.#experiments = new Experiments(base, wishes, (saying) => this.#tellOfSlow(saying));
    this.#filter.addEventListener("input", () => {
      clearTimeout(this.#typing);
      this.#typing = setTimeout(() => this.#sift(), TYPING_MS);
    });
    this.#offer();
    root.classList.add("wire");
    root.append(this.#frames(), this.#detail.element, element("div", { class: "wire-side" }, this.#byHand.element, this.#experiments.element));
  }

  /** Told of every frame, answer and event. @param {Event} event */
  tap = (event) => {
    this.#kept.add(event);
    if (this.#open) this.#byHand.hear(this.#kept.frames[this.#kept.frames.length - 1]);
  };

  open() {
    this.#open = true;
    this.#seen = -1;
    this.#offer();
  }

  close() {
    this.#open = false;
    this.#experiments.close();
  }

  /** Once a frame, while it is open. @param {number} nowMs */
  paint(nowMs) {
    if (!this.#open) return;
    this.#hold(this.#paused || !this.#list.atTop);
    if (!this.#still && this.#seen !== this.#kept.count) {
      this.#seen = this.#kept.count;
      const passing = this.#kept.passing();
      this.#list.show(passing);
      this.#count.textContent = `${count(passing.length)} of ${count(this.#kept.frames.length)} kept · ${count(this.#kept.count)} in all`;
    }
    const newer = this.#still ? this.#kept.frames.filter((frame) => frame.matches && frame.number > this.#stillAt).length : 0;
    this.#newer.hidden = newer === 0;
    if (newer > 0) this.#newer.textContent = `↑ ${count(newer)}${newer >= this.#kept.frames.length ? " or more" : ""} newer`;
    this.#list.paint();
    this.#byHand.paint(nowMs);
    this.#experiments.paint(nowMs);
  }

  #frames() {
    const tools = element(
      "div",
      { class: "wire-tools" },
      element("label", { class: "unseen", for: "wire-filter" }, "Filter frames"),
      this.#filter,
      this.#whose,
      this.#pause,
      this.#copy,
      this.#newer,
      this.#count,
    );
    return element("section", { class: "wire-frames", "aria-label": "Frames" }, tools, this.#list.element);
  }

  /** Stand still, or go on. @param {boolean} holds */
  #hold(holds) {
    if (holds === (this.#still !== null)) return;
    this.#still = holds ? this.#kept.passing() : null;
    this.#stillAt = this.#kept.count;
    if (!holds) this.#seen = -1;
  }

  /** @param {boolean} paused */
  #setPaused(paused) {
    this.#paused = paused;
    this.#pause.classList.toggle("paused", paused);
    this.#pause.textContent = paused ? "Go on" : "Pause";
  }

  #catchUp() {
    this.#setPaused(false);
    this.#list.toTop();
  }

  #sift() {
    this.#kept.sift({ words: this.#filter.value.trim().toLowerCase(), conversation: this.#whose.value });
    this.#still = null;
    this.#seen = -1;
    this.#list.toTop();
    if (this.#paused) this.#list.show(this.#kept.passing());
  }

  /** @param {Frame} frame @param {boolean} byKey */
  #choose(frame, byKey) {
    if (byKey) this.#setPaused(true); // or it would run away
    this.#list.choose(frame);
    this.#detail.show(frame);
  }

  #offer() {
    const names = [...this.#talk.conversations().map(({ name }) => name), SLOW];
    const chosen = this.#whose.value;
    const all = element("option", { value: "" }, "All conversations");
    this.#whose.replaceChildren(all, ...names.map((name) => element("option", { value: name }, name)));
    this.#whose.value = names.includes(chosen) ? chosen : "";
  }

  /** The focus's, or whichever there is. */
  #conversation() {
    const all = this.#talk.conversations();
    return all.find(({ name }) => name === FOCUS) ?? all.at(0);
  }

  #ack() {
    return this.#conversation()?.reader?.ack?.() ?? false;
  }

  /** @param {string} text @returns {string} on which conversation it was sent, or "" */
  #say(text) {
    const conversation = this.#conversation();
    return conversation?.reader?.send(text) ? conversation.name : "";
  }

  /** @param {Saying} saying */
  #tellOfSlow(saying) {
    this.tap({ conversation: SLOW, atMs: performance.now(), ...saying });
  }

  #all() {
    const frames = this.#still ?? this.#kept.passing();
    const lines = frames.map((frame) => `${clockMs(frame.atMs)} ${frame.way} ${frame.conversation} ${frame.kind} ${wholeText(frame)}`);
    return { text: lines.join("\n"), done: `Copied ${count(lines.length)} ✓` };
  }
}
