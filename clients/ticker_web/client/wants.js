/** What is subscribed, channel by channel, and as one wish: which HTTP can only ask as some symbols on some channels. */

import { CHANNEL_OF, CHANNELS } from "./channels.js";
import { EVERYTHING } from "./wish.js";

/** @import {Channel, Subscriptions, Tick} from "./messages.js" */
/** @import {Part, Wish} from "./wish.js" */

const SPELLED_MAX = 200; // symbols in a request's target: whoever wants more asks for all, which is said in one word

/** @param {Subscriptions} had @param {string[]} symbols @param {Channel[]} channels @returns {Subscriptions} what is wanted with these */
export function joined(had, symbols, channels) {
  const every = channels.map((channel) => [channel, [...new Set([...(had[channel] ?? []), ...symbols])]]);
  return spelled({ ...had, ...Object.fromEntries(every) });
}

/**
 * What is wanted without these. Throws an Error where only some of all are taken back.
 *
 * @param {Subscriptions} had @param {string[]} symbols @param {Channel[]} channels @returns {Subscriptions}
 */
export function without(had, symbols, channels) {
  const left = { ...had };
  for (const channel of channels) {
    const before = had[channel] ?? [];
    if (before.includes(EVERYTHING) && !symbols.includes(EVERYTHING)) {
      throw new Error(`unsubscribe: all symbols are wanted on ${channel}; take back "*", and subscribe to what is left`);
    }
    left[channel] = symbols.includes(EVERYTHING) ? [] : before.filter((symbol) => !symbols.includes(symbol));
  }
  return spelled(left);
}

/** @param {Subscriptions} wanted @returns {Subscriptions} channels in their order, `*` alone, and nothing that is empty */
function spelled(wanted) {
  /** @type {Subscriptions} */
  const found = {};
  for (const channel of CHANNELS) {
    const symbols = wanted[channel] ?? [];
    if (symbols.length > 0) found[channel] = symbols.includes(EVERYTHING) ? [EVERYTHING] : symbols;
  }
  return found;
}

/** @param {Subscriptions} wanted @param {Pick<Wish, "pace" | "rate_hz">} pace @returns {Wish} */
export function wishFor(wanted, pace) {
  const only = alike(wanted);
  const symbols = [...new Set(only.flatMap((part) => part.symbols))];
  const channels = only.flatMap((part) => part.channels);
  const all = symbols.includes(EVERYTHING) || symbols.length > SPELLED_MAX;
  const exact = only.length <= 1 && (!all || symbols.includes(EVERYTHING));
  return { symbols: all ? [EVERYTHING] : symbols, channels, ...(!exact && { only }), ...pace };
}

/** @param {Subscriptions} wanted @returns {Part[]} channels on which the same symbols are wanted */
function alike(wanted) {
  /** @type {Map<string, Part>} */
  const parts = new Map();
  for (const channel of CHANNELS) {
    const symbols = wanted[channel];
    if (!symbols) continue;
    const part = parts.get(symbols.join()) ?? { symbols, channels: [] };
    part.channels.push(channel);
    parts.set(symbols.join(), part);
  }
  return [...parts.values()];
}

/** @param {Subscriptions} wanted @returns {(tick: Pick<Tick, "ch" | "sym">) => boolean} whether a tick is */
export function sieve(wanted) {
  const sets = new Map(CHANNELS.map((channel) => [channel, new Set(wanted[channel])]));
  return ({ ch, sym }) => {
    const symbols = sets.get(CHANNEL_OF[ch]);
    return symbols !== undefined && (symbols.has(sym) || symbols.has(EVERYTHING));
  };
}
