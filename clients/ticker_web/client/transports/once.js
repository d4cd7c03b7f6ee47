/** What is asked once, before reading begins; undefined where that cannot be had: readers find their own beginning. */

import { bearer } from "../bearer.js";

/** @import {Token} from "../bearer.js" */
/** @import {Instrument} from "../messages.js" */
/** @import {Wish} from "../wish.js" */
/** @import {Beginning} from "./exchange.js" */

/** @param {URL} base @param {Token} [token] @returns {Promise<Instrument[] | undefined>} what is traded, and may be had */
export const listed = async (base, token) => (await read(new URL("v1/instruments", base), token))?.instruments;

/** @param {URL} base @param {Wish} wish @param {Token} [token] @returns {Promise<Beginning | undefined>} one position for several readers */
export const snapshot = (base, { symbols, channels }, token) =>
  read(new URL(`v1/snapshot?symbols=${symbols}&channels=${channels}`, base), token);

/** @param {URL} url @param {Token} [token] @returns {Promise<any>} */
async function read(url, token) {
  try {
    const answer = await fetch(url, { headers: bearer(token) });
    return answer.ok ? await answer.json() : undefined;
  } catch {
    return undefined; // not reached, or cut short
  }
}
