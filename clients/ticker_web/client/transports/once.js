/** What is asked once, before reading begins; undefined where that cannot be had: readers find their own beginning. */

/** @import {Instrument} from "../messages.js" */
/** @import {Wish} from "../wish.js" */
/** @import {Beginning} from "./exchange.js" */

/** @param {URL} base @returns {Promise<Instrument[] | undefined>} what is traded */
export const listed = async (base) => (await read(new URL("v1/instruments", base)))?.instruments;

/** @param {URL} base @param {Wish} wish @returns {Promise<Beginning | undefined>} one position for several readers */
export const snapshot = (base, { symbols, channels }) =>
  read(new URL(`v1/snapshot?symbols=${symbols}&channels=${channels}`, base));

/** @param {URL} url @returns {Promise<any>} */
async function read(url) {
  try {
    const answer = await fetch(url);
    return answer.ok ? await answer.json() : undefined;
  } catch {
    return undefined; // not reached, or cut short
  }
}
