/** The market's clock: where it is, and how its time passes. */

import { element } from "../element.js";
import { count } from "../format.js";
import { Says } from "./says.js";

/** @import {Admin, State} from "./admin.js" */

const SPEEDS = [0.1, 1, 10, 60, 600];
/** @type {[words: string, seconds: number][]} */
const AHEAD = [
  ["+ 10 s", 10],
  ["+ 1 min", 60],
  ["+ 10 min", 600],
];
const STEPS_MAX = 1_000_000;

export class Clock {
  /** @type {State | null} */
  #state = null;
  #says = new Says();
  #time = element("strong", { class: "control-time" }, "–");
  #date = element("small", {}, "");
  #how = element("p", { class: "control-how" });
  #toggle = element("button", { type: "button", id: "clock-toggle", onclick: () => this.#pauseOrResume() }, "Pause");
  #speed = number("clock-speed", "1", { min: "0.01", max: "10000", step: "any" });
  #steps = number("clock-steps", "1", { min: "1", max: String(STEPS_MAX), step: "1" });
  #step = element("button", { id: "clock-step" }, "Step");
  #until = element("input", { id: "clock-until", autocomplete: "off", spellcheck: "false", placeholder: "epoch:seq, or 2026-01-05T14:45:00Z" });
  #presets = SPEEDS.map((speed) =>
    element("button", { type: "button", class: "small", "aria-pressed": "false", onclick: () => this.#setSpeed(speed) }, `${speed}×`),
  );
  #admin;
  #onChange;
  element;

  /** @param {Admin} admin @param {(state: State) => void} onChange  told of a state that came as an answer */
  constructor(admin, onChange) {
    this.#admin = admin;
    this.#onChange = onChange;
    const ahead = AHEAD.map(([words, seconds]) =>
      element("button", { type: "button", class: "small", onclick: () => this.#runAhead(seconds) }, words),
    );
    this.element = element(
      "section",
      { class: "control-card", "aria-labelledby": "clock-title" },
      element("h3", { id: "clock-title" }, "Clock"),
      element("p", { class: "control-now" }, this.#time, this.#date),
      this.#how,
      element("div", { class: "control-line" }, this.#toggle, form(() => this.#takeSteps(), label("clock-steps", "Steps"), this.#steps, this.#step)),
      row("Speed", element("span", { class: "control-few", role: "group", "aria-label": "Speed" }, ...this.#presets), form(
        () => this.#setSpeed(this.#speed.valueAsNumber),
        label("clock-speed", "Seconds of market time in a second", true),
        this.#speed,
        element("button", { id: "clock-set" }, "Set"),
      )),
      row("Run until", element("span", { class: "control-few", role: "group", "aria-label": "Run until" }, ...ahead), form(
        () => this.#run(this.#until.value.trim()),
        label("clock-until", "A position or a market time", true),
        this.#until,
        element("button", { id: "clock-run" }, "Run"),
      )),
      this.#says.element,
    );
  }

  /** @param {State} state */
  show(state) {
    this.#state = state;
    const [date, time] = state.time.split("T");
    this.#time.textContent = time.replace("Z", "").slice(0, 12);
    this.#date.textContent = ` ${date} UTC · ${state.phase.replaceAll("_", " ")} · position ${count(state.seq)}`;
    this.#how.textContent = how(state);
    this.#how.dataset.paused = String(state.paused);
    this.#toggle.textContent = state.paused ? "▶ Resume" : "‖ Pause";
    this.#step.disabled = !state.paused;
    this.#step.title = state.paused ? `${state.step_ms} ms of market time each` : "Only while the market is paused";
    for (const [n, preset] of this.#presets.entries()) preset.setAttribute("aria-pressed", String(SPEEDS[n] === state.speed));
  }

  #pauseOrResume() {
    const paused = this.#state?.paused ?? false;
    this.#do(paused ? "resume" : "pause", {}, (state) => (paused ? `Going on at ${state.speed}×.` : `Standing still at position ${count(state.seq)}.`));
  }

  #takeSteps() {
    const steps = this.#steps.valueAsNumber;
    this.#do("step", { steps }, (state) => `${steps === 1 ? "One step" : `${count(steps)} steps`}: now at position ${count(state.seq)}.`);
  }

  /** @param {number} speed */
  #setSpeed(speed) {
    this.#do("speed", { speed }, (state) => `${state.speed} seconds of market time in a second.`);
  }

  /** @param {number} seconds */
  #runAhead(seconds) {
    if (!this.#state) return;
    const at = new Date(Date.parse(this.#state.time) + seconds * 1000).toISOString();
    this.#until.value = at;
    this.#run(at);
  }

  /** @param {string} until */
  #run(until) {
    this.#do("run", { until }, (state) => (state.until === null ? "It is there already." : `Going on until position ${count(state.until)}, and then standing still.`));
  }

  /** @param {string} name @param {object} wish @param {(state: State) => string} words */
  #do(name, wish, words) {
    void this.#says.of(this.#admin.act(name, wish), (state) => {
      this.#onChange(state);
      return words(state);
    });
  }
}

/** @param {State} state */
function how({ paused, speed, speed_actual: actual, until }) {
  if (paused) return "‖ Standing still";
  const slower = actual < 0.9 * speed ? `, of which the machine manages ${actual}×` : "";
  return `▶ Running at ${speed}×${slower}${until === null ? "" : `, until position ${count(until)}`}`;
}

/** @param {string} id @param {string} value @param {Record<string, string>} limits */
export function number(id, value, limits) {
  return element("input", { type: "number", id, value, required: true, autocomplete: "off", ...limits });
}

/** @param {string} target @param {string} words @param {boolean} [unseen] */
export const label = (target, words, unseen = false) => element("label", { for: target, class: unseen ? "unseen" : "" }, words);

/** @param {() => void} onSubmit @param {...HTMLElement} parts */
function form(onSubmit, ...parts) {
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault(); // a form would load another page
    onSubmit();
  };
  return element("form", { class: "control-form", onsubmit: submit }, ...parts);
}

/** @param {string} name @param {...HTMLElement} parts */
const row = (name, ...parts) => element("div", { class: "control-row" }, element("span", { class: "control-name" }, name), ...parts);
