/** What a lane is doing, in words. */

/** @import {Doing} from "../client/transports/exchange.js" */

/**
 * @param {{what: Doing, sinceMs: number, untilMs: number | null, why: string}} doing @param {number} nowMs
 * @returns {string}
 */
export function words({ what, sinceMs, untilMs, why }, nowMs) {
  switch (what) {
    case "off":
      return "off";
    case "opening":
      return "opening a connection";
    case "asking":
      return why ? `asking ${why}` : "asking";
    case "held":
      return `held by the server for ${seconds(nowMs - sinceMs)}`;
    case "waiting":
      if (untilMs === null) return `silent for ${seconds(nowMs - sinceMs)}: ${why}`;
      return `waiting, asks again in ${seconds(Math.max(0, untilMs - nowMs))}`;
    case "streaming":
      return "streaming: we can only listen";
    case "talking":
      return "open: both ends talk";
    case "lost":
      return `lost: ${why}${untilMs === null ? "" : ` · again in ${seconds(Math.max(0, untilMs - nowMs))}`}`;
  }
}

/** @param {number} ms */
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
