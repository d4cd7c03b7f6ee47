/** How figures and states are said. */

/** @import {Status} from "./messages.js" */

const COUNT = new Intl.NumberFormat("en-US");

export const NOTHING = "–";

/** @param {number} value @param {number} decimals */
export const price = (value, decimals) => value.toFixed(decimals);

/** @param {number} value */
export const count = (value) => COUNT.format(value);

/** @param {number} value  up (above 0), down or level */
export const arrow = (value) => (value > 0 ? "▲" : value < 0 ? "▼" : "");

/** @param {number} value */
export const way = (value) => (value > 0 ? "up" : value < 0 ? "down" : "level");

/** @param {{state: Status["state"], reason: Status["reason"] | ""}} status @returns {string} such as `halted: shock` */
export function stateWords({ state, reason }) {
  const words = state.replaceAll("_", " ");
  return reason === "" || reason === "schedule" ? words : `${words}: ${reason.replaceAll("_", " ")}`;
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

/** @param {number} many */
export const bytes = (many) => (many < 1_000 ? `${many} B` : many < 1e6 ? `${(many / 1e3).toFixed(1)} kB` : `${(many / 1e6).toFixed(2)} MB`);
