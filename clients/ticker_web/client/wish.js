/** What is wanted: which symbols on which channels, and how often. */

/** @import {Channel} from "./messages.js" */
/** @typedef {"every" | "latest"} Pace */
/** @typedef {{symbols: string[], channels: Channel[]}} Part  each of the symbols on each of the channels */
/**
 * Every symbol on every channel; or, of that, `only` some: HTTP asks for the whole, and what was not wanted is left out.
 *
 * @typedef {Part & {only?: Part[], pace?: Pace, rate_hz?: number}} Wish  `rate_hz` goes with latest
 */

export const EVERYTHING = "*";

/** @param {Wish} wish @returns {Part[]} */
const parts = ({ symbols, channels, only }) => only ?? [{ symbols, channels }];

/** What a wish has that another had not. @param {Wish} before @param {Wish} wish @returns {Part[]} */
export function added(before, wish) {
  return parts(before).reduce((left, had) => left.flatMap((part) => without(part, had)), parts(wish));
}

/** @param {Part} part @param {Part} had @returns {Part[]} */
function without(part, had) {
  const symbols = part.symbols.filter((symbol) => !had.symbols.includes(symbol));
  const kept = part.symbols.filter((symbol) => had.symbols.includes(symbol));
  const channels = part.channels.filter((channel) => !had.channels.includes(channel));
  const both = [
    { symbols, channels: part.channels },
    { symbols: kept, channels },
  ];
  return both.filter((one) => one.symbols.length > 0 && one.channels.length > 0);
}

/** @param {Part[]} parts @param {number} symbolsMax  in one message @returns {Part[]} as many as that limit makes of them */
export const pieces = (parts, symbolsMax) =>
  parts.flatMap(({ symbols, channels }) =>
    Array.from({ length: Math.ceil(symbols.length / symbolsMax) }, (_, n) => ({
      channels,
      symbols: symbols.slice(n * symbolsMax, (n + 1) * symbolsMax),
    })),
  );
