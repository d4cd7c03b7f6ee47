/** What both ends said, except for ticks: the last lines of it, newest first. */

import { clock } from "./format.js";

/** @import {ClientMessage, ServerMessage} from "./messages.js" */

const LINES_MAX = 40;
const ITEMS_MAX = 3;

export class Journal {
  #list;
  /** Acks come twice a second: those in a row share a line. */
  #acks = 0;

  /** @param {HTMLElement} list */
  constructor(list) {
    this.#list = list;
  }

  /** @param {ClientMessage} message */
  sent(message) {
    const again = message.op === "ack" && this.#acks > 0;
    if (again) this.#list.firstElementChild?.remove();
    this.#acks = message.op === "ack" ? this.#acks + 1 : 0;
    this.#write("sent", message, this.#acks > 1 ? `× ${this.#acks}` : "");
  }

  /** @param {ServerMessage} message */
  received(message) {
    this.#acks = 0;
    this.#write("received", message, "");
  }

  /** @param {"sent" | "received"} way @param {object} message @param {string} times */
  #write(way, message, times) {
    const line = document.createElement("li");
    line.className = way;
    line.append(
      part("time", clock(new Date())),
      part("way", way === "sent" ? "→" : "←", way),
      part("text", `${abbreviated(message)} ${times}`.trim()),
    );
    this.#list.prepend(line);
    if (this.#list.childElementCount > LINES_MAX) this.#list.lastElementChild?.remove();
  }
}

/** @param {string} className @param {string} text @param {string} [label] */
function part(className, text, label) {
  const span = document.createElement("span");
  span.className = className;
  span.textContent = text;
  if (label) span.title = label;
  return span;
}

/** Long lists are cut short: the whole frame is in devtools. @param {object} message @returns {string} */
export function abbreviated(message) {
  const text = JSON.stringify(message, (_, value) => {
    if (!Array.isArray(value) || value.length <= ITEMS_MAX) return value;
    const shown = typeof value[0] === "string" ? value.slice(0, ITEMS_MAX) : [];
    const kind = shown.length > 0 ? "more" : Array.isArray(value[0]) ? "headers" : "ticks";
    return [...shown, `… ${value.length - shown.length} ${kind}`];
  });
  return text.replaceAll(',"', ', "');
}
