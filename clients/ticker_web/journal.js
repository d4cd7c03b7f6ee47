/** What both ends said, except for ticks: the last lines of it, newest first. Of packed ticks one is shown. */

import { element } from "./element.js";
import { clock } from "./format.js";
import { packedLine } from "./packed_frame.js";

/** @import {ClientMessage, ServerMessage, Snapshot, Ticks} from "./messages.js" */

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
    this.#write("sent", text(`${abbreviated(message)}${this.#acks > 1 ? ` × ${this.#acks}` : ""}`));
  }

  /** @param {ServerMessage} message */
  received(message) {
    this.#acks = 0;
    this.#write("received", text(abbreviated(message)));
  }

  /** A packed frame, as what it is. @param {ArrayBuffer} frame @param {Snapshot | Ticks} message  what it was decoded to */
  packed(frame, message) {
    this.#acks = 0;
    this.#write("received", text(packedLine(frame, message)));
  }

  /** @param {"sent" | "received"} way @param {HTMLElement} said */
  #write(way, said) {
    const line = document.createElement("li");
    line.className = way;
    line.append(
      element("span", { class: "time" }, clock(new Date())),
      element("span", { class: "way", title: way }, way === "sent" ? "→" : "←"),
      said,
    );
    this.#list.prepend(line);
    if (this.#list.childElementCount > LINES_MAX) this.#list.lastElementChild?.remove();
  }
}

/** @param {string | HTMLElement} said */
const text = (said) => element("div", { class: "text" }, said);

/** Long lists are cut short: the whole frame is in devtools. @param {object} message @returns {string} */
export function abbreviated(message) {
  const spelled = JSON.stringify(message, (_, value) => {
    if (!Array.isArray(value) || value.length <= ITEMS_MAX) return value;
    const shown = typeof value[0] === "object" ? [] : value.slice(0, ITEMS_MAX);
    const kind = shown.length > 0 ? "more" : Array.isArray(value[0]) ? "headers" : "ticks";
    return [...shown, `… ${value.length - shown.length} ${kind}`];
  });
  return spelled.replaceAll(',"', ', "');
}
