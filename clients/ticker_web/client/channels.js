/** The channels there are, in the order in which a step of the tape has them. */

/** @import {Channel, Tick} from "./messages.js" */

/** @type {Channel[]} */
export const CHANNELS = ["status", "quotes", "book", "trades", "bars.1s", "bars.1m", "stats"];

/** @type {Record<Tick["ch"], Channel>} the channel that a tick came on, by what the tick calls itself */
export const CHANNEL_OF = {
  status: "status",
  quote: "quotes",
  book: "book",
  trade: "trades",
  "bar.1s": "bars.1s",
  "bar.1m": "bars.1m",
  stats: "stats",
};

/** @param {Channel} channel @returns {string} what a single tick of it is called */
export const singular = (channel) => Object.entries(CHANNEL_OF).find(([, one]) => one === channel)?.[0] ?? channel;
