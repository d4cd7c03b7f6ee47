/** What has happened and what is going to, newest first. */

import { element } from "../element.js";
import { count } from "../format.js";
import { spelled } from "./incidents.js";
import { KINDS } from "./kinds.js";

/** @import {Incident, State} from "./admin.js" */

const SHOWN_MAX = 60;
const NAMES_MAX = 4;

export class History {
  #told = "";
  #body = element("tbody", {});
  #table;
  #empty = element("p", { class: "control-hint" }, "Nothing yet.");
  element;

  constructor() {
    const names = ["Position", "What", "To whom", "How much", "How long"].map((name) => element("th", { scope: "col" }, name));
    this.#table = element("table", { class: "plain" }, element("thead", {}, element("tr", {}, ...names)), this.#body);
    this.element = element(
      "section",
      { class: "control-card control-history", "aria-labelledby": "history-title" },
      element("h3", { id: "history-title" }, "What happens"),
      element("div", { class: "control-scroll", tabindex: "0", role: "region", "aria-labelledby": "history-title" }, this.#table, this.#empty),
    );
  }

  /** @param {State} state */
  show({ past, coming, step_ms: stepMs, seq }) {
    const all = [...past, ...coming].sort((one, other) => other.seq - one.seq).slice(0, SHOWN_MAX);
    const told = JSON.stringify([all, coming.length]);
    this.#empty.hidden = all.length > 0;
    this.#table.hidden = all.length === 0;
    if (told === this.#told && coming.length === 0) return;
    this.#told = told;
    this.#body.replaceChildren(...all.map((incident) => row(incident, seq, stepMs)));
  }
}

/** @param {Incident} incident @param {number} seq @param {number} stepMs */
function row({ kind, seq: at, symbols, value, duration_s: duration }, seq, stepMs) {
  const soon = at > seq ? `in ${(((at - seq) * stepMs) / 1000).toFixed(0)} s` : "";
  const who = symbols.length > NAMES_MAX ? `${symbols.slice(0, NAMES_MAX).join(", ")} and ${count(symbols.length - NAMES_MAX)} more` : symbols.join(", ");
  const scale = KINDS.find((one) => one.kind === kind)?.value;
  const amount = scale && value ? `${sign(value, scale.unit)}${Math.abs(value * scale.scale).toLocaleString("en-US")} ${scale.unit}` : "";
  const when = element("td", {}, count(at), ...(soon ? [element("small", {}, ` ${soon}`)] : []));
  const cells = [spelled(kind), who === "*" ? "all" : who, amount, duration ? `${duration} s` : ""];
  return element("tr", { class: soon ? "coming" : "" }, when, ...cells.map((words) => element("td", {}, words)));
}

/** @param {number} value @param {string} unit */
const sign = (value, unit) => (value < 0 ? "−" : unit === "%" ? "+" : "");
