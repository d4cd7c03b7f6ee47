/** Something is made to happen: a kind, to whom, how much, how long, and when. */

import { element, options } from "../element.js";
import { count, sectorsOf } from "../format.js";
import { label, number } from "./clock.js";
import { KINDS } from "./kinds.js";
import { Says } from "./says.js";

/** @import {Instrument} from "../client/messages.js" */
/** @import {Admin, Caused} from "./admin.js" */
/** @import {Kind} from "./kinds.js" */
/** @typedef {"symbols" | "sector" | "all"} Scope */

/** @type {[Scope, string][]} */
const SCOPES = [
  ["symbols", "Symbols"],
  ["sector", "Sector"],
  ["all", "All"],
];

export class Incidents {
  /** @type {Kind} */
  #kind = KINDS[0];
  /** @type {Scope} */
  #scope = "symbols";
  #says = new Says();
  #names = element("select", { id: "incident-kind", onchange: () => this.#choose(this.#names.selectedIndex) }, ...KINDS.map(({ kind }) => element("option", { value: kind }, spelled(kind))));
  #words = element("p", { class: "control-hint" });
  #known = element("datalist", { id: "incident-known" });
  #symbols = element("input", { id: "incident-symbols", value: "ACME", list: "incident-known", autocomplete: "off", spellcheck: "false", placeholder: "ACME, BYTE" });
  #sectors = element("select", { id: "incident-sector" });
  #value = number("incident-value", "0", { step: "any" });
  #valueName = label("incident-value", "Value");
  #duration = number("incident-duration", "0", { min: "0", step: "any" });
  #at = element("input", { id: "incident-at", autocomplete: "off", spellcheck: "false", placeholder: "at once, or 90s, or 09:45:00" });
  #fields;
  #admin;
  #onCaused;
  element;

  /** @param {Admin} admin @param {() => void} onCaused */
  constructor(admin, onCaused) {
    this.#admin = admin;
    this.#onCaused = onCaused;
    this.#fields = {
      symbols: field(label("incident-symbols", "Symbols"), this.#symbols, this.#known),
      sector: field(label("incident-sector", "Sector"), this.#sectors),
      value: field(this.#valueName, this.#value),
      duration: field(label("incident-duration", "Lasts, in seconds"), this.#duration),
    };
    this.element = element(
      "section",
      { class: "control-card", "aria-labelledby": "incident-title" },
      element("h3", { id: "incident-title" }, "Make something happen"),
      element(
        "form",
        { class: "control-fields", onsubmit: (event) => this.#cause(event) },
        field(label("incident-kind", "What"), this.#names),
        field(label("incident-at", "When, in market time"), this.#at),
        this.#words,
        this.#whom(),
        ...Object.values(this.#fields),
        element("button", { id: "incident-cause", class: "control-go" }, "Make it happen"),
      ),
      this.#says.element,
    );
    this.#choose(0);
    this.#reach("symbols");
  }

  /** @param {Instrument[]} instruments */
  offer(instruments) {
    this.#known.replaceChildren(...instruments.map(({ symbol, name }) => element("option", { value: symbol }, name)));
    this.#sectors.replaceChildren(...options(sectorsOf(instruments)));
    if (!instruments.some(({ symbol }) => symbol === this.#symbols.value)) this.#symbols.value = instruments[0]?.symbol ?? "";
  }

  #whom() {
    const choices = SCOPES.map(([scope, words], n) => {
      const input = element("input", { type: "radio", name: "incident-scope", value: scope, autocomplete: "off", onchange: () => this.#reach(scope) });
      input.checked = n === 0;
      return element("label", {}, input, words);
    });
    return element("fieldset", { class: "choice" }, element("legend", { class: "unseen" }, "To whom"), ...choices);
  }

  /** @param {number} place */
  #choose(place) {
    this.#kind = KINDS[place];
    const { words, value, lasts, duration } = this.#kind;
    this.#words.textContent = words;
    this.#fields.value.hidden = this.#value.disabled = !value;
    if (value) {
      this.#valueName.textContent = `${value.label}, ${value.unit} (${value.low} to ${value.high})`;
      Object.assign(this.#value, { min: String(value.low), max: String(value.high), value: String(value.first) });
    }
    this.#fields.duration.hidden = this.#duration.disabled = lasts === "never";
    Object.assign(this.#duration, { value: String(duration), min: lasts === "must" ? "0.1" : "0" });
    this.#duration.title = lasts === "must" ? "It needs one" : "0: until it is ended, or at once";
  }

  /** @param {Scope} scope */
  #reach(scope) {
    this.#scope = scope;
    this.#fields.symbols.hidden = scope !== "symbols";
    this.#fields.sector.hidden = scope !== "sector";
  }

  /** @param {Event} event */
  #cause(event) {
    event.preventDefault(); // a form would load another page
    const caused = this.#admin.act("incidents", this.#wish());
    void this.#says.of(caused, (/** @type {Caused} */ { seq, time }) => {
      this.#onCaused();
      return `${spelled(this.#kind.kind)} shows from position ${count(seq)} on, at ${time.slice(11, 19)} of market time.`;
    });
  }

  #wish() {
    const { kind, value, lasts } = this.#kind;
    const at = this.#at.value.trim();
    const symbols = this.#symbols.value.toUpperCase().split(/[\s,]+/).filter(Boolean);
    return {
      kind,
      ...(at && { at }),
      ...(this.#scope === "symbols" && { symbols }),
      ...(this.#scope === "sector" && { sectors: [this.#sectors.value] }),
      ...(value && { value: this.#value.valueAsNumber / value.scale }),
      ...(lasts !== "never" && { duration_s: this.#duration.valueAsNumber }),
    };
  }
}

/** @param {string} kind */
export const spelled = (kind) => kind[0].toUpperCase() + kind.slice(1).replaceAll("_", " ");

/** @param {...HTMLElement} parts */
const field = (...parts) => element("div", { class: "control-field" }, ...parts);
