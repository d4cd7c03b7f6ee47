/** Buttons that make something happen to a connection: ack, drop, stop reading. */

import { element, write } from "../element.js";
import { count } from "../format.js";
import { Sluggard } from "./sluggard.js";

/** @import {Saying} from "../client/transports/tap.js" */
/** @typedef {{onAck: () => boolean, onDrop: () => void}} Wishes */

export class Experiments {
  #said = element("p", { class: "wire-hint", role: "status" });
  #slow = element("p", { class: "wire-slow" });
  #toggle = element("button", { type: "button", id: "wire-stop", onclick: () => this.#turn() }, "Stop reading");
  #close = element("button", { type: "button", id: "wire-hang-up", onclick: () => this.#sluggard.close() }, "Hang up");
  #sluggard;
  element;

  /** @param {URL} base @param {Wishes} wishes @param {(saying: Saying) => void} tell */
  constructor(base, { onAck, onDrop }, tell) {
    this.#sluggard = new Sluggard(base, tell);
    this.element = element(
      "section",
      { class: "wire-card wire-experiments" },
      element("h3", {}, "Make it happen"),
      element(
        "div",
        { class: "wire-line" },
        element("button", { type: "button", id: "wire-ack", onclick: () => this.#ack(onAck) }, "Ack now"),
        element("button", { type: "button", id: "wire-drop", onclick: () => this.#drop(onDrop) }, "Drop and resume"),
      ),
      this.#said,
      element(
        "div",
        { class: "wire-line" },
        this.#toggle,
        this.#close,
      ),
      this.#slow,
    );
    this.paint(0);
  }

  close() {
    this.#sluggard.close();
  }

  /** @param {number} nowMs */
  paint(nowMs) {
    const { state, heard, word, by, stoppedAtMs } = this.#sluggard;
    const stopped = `Not read for ${((nowMs - stoppedAtMs) / 1000).toFixed(0)} s, by ${by}. The server keeps its place on the tape, and no queue.`;
    const had = `${count(heard.messages)} messages, ${count(heard.ticks)} ticks`;
    const lost = heard.lags > 0 ? ` · ✗ ${count(heard.dropped)} left out, in ${count(heard.lags)} ${heard.lags === 1 ? "lag" : "lags"}` : " · ✓ none left out";
    const words = {
      off: word ? `Over: ${word.replace(/\.$/, "")}.` : "Another connection that hears all trades, quotes and books, and then stops reading: a slow reader costs the server nothing.",
      opening: "Opening a connection …",
      stopped,
      reading: `Reading again: ${had}${lost}${word && heard.lags > 0 ? `. ${word}` : ""}`,
    };
    write(this.#slow, words[state]);
    write(this.#toggle, state === "stopped" ? "Read again" : "Stop reading");
    this.#toggle.disabled = state === "opening";
    this.#close.disabled = state === "off";
  }

  #turn() {
    if (this.#sluggard.state === "stopped") this.#sluggard.read();
    else void this.#sluggard.stop();
  }

  /** @param {() => boolean} onAck */
  #ack(onAck) {
    const sent = onAck();
    write(this.#said, sent ? "Acked: everything up to the newest position has been processed." : "Nothing to ack: no WebSocket, or nothing has come yet.");
  }

  /** @param {() => void} onDrop */
  #drop(onDrop) {
    onDrop();
    write(this.#said, "Dropped: it comes back by itself, and asks for everything since its position.");
  }
}
