/** How figures and states are said. */

/** @import {Instrument, Status} from "./client/messages.js" */

const COUNT = new Intl.NumberFormat("en-US");

/** Reasons that say no more than the state they lead to. */
const EXPECTED = ["", "schedule", "halt", "freeze"];

export const NOTHING = "–";

/** @param {number} value @param {number} decimals */
export const price = (value, decimals) => value.toFixed(decimals);

/** @param {number} value */
export const count = (value) => COUNT.format(value);

/** @param {number} value @param {string} what  one of them @returns {string} such as `1 message`, `2 messages` */
export const many = (value, what) => `${count(value)} ${what}${value === 1 ? "" : "s"}`;

/** @param {number} value  up (above 0), down or level */
export const arrow = (value) => (value > 0 ? "▲" : value < 0 ? "▼" : "");

/** @param {number} value */
export const way = (value) => (value > 0 ? "up" : value < 0 ? "down" : "level");

/** @param {{state: Status["state"], reason: Status["reason"] | ""}} status @returns {string} such as `trading`, `halted: shock` */
export function stateWords({ state, reason }) {
  const words = state.replaceAll("_", " ");
  return EXPECTED.includes(reason) ? words : `${words}: ${reason.replaceAll("_", " ")}`;
}

/** @param {number} ratio  0.01 is one per cent */
export function change(ratio) {
  const sign = ratio > 0 ? "+" : ratio < 0 ? "−" : "";
  return `${sign}${Math.abs(ratio * 100).toFixed(2)} %`;
}

/** @param {number} durationMs */
export const duration = (durationMs) => `${durationMs.toFixed(durationMs < 10 ? 1 : 0)} ms`;

/** @param {Date} date */
export const clock = (date) => date.toTimeString().slice(0, 8);

/** @param {number} size */
export const bytes = (size) => (size < 1_000 ? `${size} B` : size < 1e6 ? `${(size / 1e3).toFixed(1)} kB` : `${(size / 1e6).toFixed(2)} MB`);

/** @param {Instrument[]} instruments @returns {string[]} their sectors, in alphabetical order */
export const sectorsOf = (instruments) => [...new Set(instruments.map(({ sector }) => sector))].filter(Boolean).sort();
