/** A frame as a row of a table: its head byte for byte, its size, and the beginning of its text. */

import { element } from "../element.js";
import { count } from "../format.js";
import { packedLine } from "../packed_frame.js";

/** @import {Snapshot, Ticks} from "../client/messages.js" */
/** @import {Frame} from "./record.js" */

const ITEMS_MAX = 3;
const LENGTH_BYTES = { 126: 2, 127: 8 };

/** @param {Frame} frame */
export function frameRow({ sent, message, bytes, head, packed }) {
  const said = packed ? packedLine(packed, /** @type {Ticks | Snapshot} */ (message)) : element("code", {}, abbreviated(message));
  return element(
    "tr",
    { class: sent ? "sent" : "received" },
    element("td", { class: "way" }, sent ? "↑ page" : "↓ server"),
    element("td", { class: "bytes" }, ...headBytes(head, packed !== null), element("small", {}, `${head.length} bytes`)),
    element("td", { class: "size" }, `${count(bytes)} bytes`),
    element("td", { class: "text" }, said),
  );
}

/** @param {(number | null)[]} head @param {boolean} binary */
function headBytes(head, binary) {
  const short = /** @type {number} */ (head[1]) & 0x7f;
  const lengthEnd = 2 + (LENGTH_BYTES[/** @type {126 | 127} */ (short)] ?? 0);
  return head.map((byte, n) => {
    const [kind, title] = meaning(n, lengthEnd, binary);
    return element("code", { class: kind, title }, byte === null ? "••" : byte.toString(16).padStart(2, "0"));
  });
}

/** @param {number} n @param {number} lengthEnd @param {boolean} binary */
function meaning(n, lengthEnd, binary) {
  if (n === 0) return ["kind", `the last part (8) of a ${binary ? "binary message (2)" : "text message (1)"}`];
  if (n === 1) return ["length", "the mask’s bit, and the length or how it follows (7e: in two bytes)"];
  return n < lengthEnd ? ["length", "the payload’s length"] : ["mask", "the masking key, chosen at random for each frame"];
}

/** Long lists are cut short: the whole frame is in devtools. @param {object} message @returns {string} */
function abbreviated(message) {
  const spelled = JSON.stringify(message, (_, value) => {
    if (!Array.isArray(value) || value.length <= ITEMS_MAX) return value;
    const shown = typeof value[0] === "object" ? [] : value.slice(0, ITEMS_MAX);
    const kind = shown.length > 0 ? "more" : Array.isArray(value[0]) ? "headers" : "ticks";
    return [...shown, `… ${value.length - shown.length} ${kind}`];
  });
  return spelled.replaceAll(',"', ', "');
}
