/** The section that controls the market, by the admin API: its clock, and what happens in it. */

import { listed } from "../client/transports/once.js";
import { element } from "../element.js";
import { Admin, Refused } from "./admin.js";
import { Clock } from "./clock.js";
import { History } from "./history.js";
import { Incidents } from "./incidents.js";
import { token } from "../token.js";

/** @import {State} from "./admin.js" */

const LOOK_MS = 1_000;

export class Control {
  #admin;
  #clock;
  #incidents;
  #history = new History();
  #looking = 0;
  #opened = 0;
  #trouble = element("p", { class: "control-trouble", role: "alert", hidden: true });
  #token = element("input", { type: "password", id: "control-token", autocomplete: "off", placeholder: "the server’s admin.token" });
  #entry;
  #base;

  /** @param {HTMLElement} root @param {{base: URL}} options */
  constructor(root, { base }) {
    this.#base = base;
    this.#admin = new Admin(base);
    this.#clock = new Clock(this.#admin, (state) => this.#show(state));
    this.#incidents = new Incidents(this.#admin, () => void this.#look());
    this.#entry = element(
      "details",
      { class: "control-token" },
      element("summary", {}, "Token"),
      element(
        "form",
        { class: "control-form", onsubmit: (event) => this.#take(event) },
        element("label", { for: "control-token", class: "unseen" }, "Token"),
        this.#token,
        element("button", {}, "Use it"),
        element("small", {}, "Only where the server has one. It is kept on this page only, until it is left."),
      ),
    );
    root.classList.add("control");
    root.append(
      element(
        "p",
        { class: "lead control-lead" },
        "The clock and the course of this market: whatever happens is on the tape, for everybody who reads it.",
      ),
      this.#trouble,
      element("div", { class: "control-cards" }, this.#clock.element, this.#incidents.element, this.#history.element),
      this.#entry,
    );
  }

  /** @param {URL} base @returns {Promise<boolean>} */
  static available(base) {
    return Admin.available(base);
  }

  async open() {
    this.close();
    const opened = (this.#opened += 1);
    this.#looking = setInterval(() => void this.#look(), LOOK_MS);
    void this.#look();
    const instruments = await listed(this.#base, token);
    if (opened === this.#opened && instruments) this.#incidents.offer(instruments);
  }

  close() {
    this.#opened += 1;
    clearInterval(this.#looking);
  }

  async #look() {
    const opened = this.#opened;
    try {
      const state = await this.#admin.state();
      if (opened === this.#opened) this.#show(state);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#ail(error);
    }
  }

  /** @param {State} state */
  #show(state) {
    this.#trouble.hidden = true;
    this.#clock.show(state);
    this.#history.show(state);
  }

  /** Who is not let in is not going to be: nothing is asked again until there is a token. @param {Refused} refusal */
  #ail(refusal) {
    this.#trouble.textContent = `✗ ${refusal.message}`;
    this.#trouble.hidden = false;
    if (!["unauthorized", "forbidden"].includes(refusal.code)) return;
    clearInterval(this.#looking);
    this.#entry.open = true;
  }

  /** @param {Event} event */
  #take(event) {
    event.preventDefault(); // a form would load another page
    this.#admin.token = this.#token.value.trim();
    void this.open();
  }
}
