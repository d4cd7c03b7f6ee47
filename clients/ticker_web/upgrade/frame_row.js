/** A frame as a row of a table: its head byte for byte, its size, and the beginning of its text. */

import { element } from "../element.js";
import { count } from "../format.js";
import { abbreviated } from "../journal.js";

/** @import {Frame} from "./record.js" */

const LENGTH_BYTES = { 126: 2, 127: 8 };

/** @param {Frame} frame */
export function frameRow({ sent, message, bytes, head }) {
  return element(
    "tr",
    { class: sent ? "sent" : "received" },
    element("td", { class: "way" }, sent ? "↑ page" : "↓ server"),
    element("td", { class: "bytes" }, ...headBytes(head), element("small", {}, `${head.length} bytes`)),
    element("td", { class: "size" }, `${count(bytes)} bytes`),
    element("td", { class: "text" }, element("code", {}, abbreviated(message))),
  );
}

/** @param {(number | null)[]} head */
function headBytes(head) {
  const short = /** @type {number} */ (head[1]) & 0x7f;
  const lengthEnd = 2 + (LENGTH_BYTES[/** @type {126 | 127} */ (short)] ?? 0);
  return head.map((byte, n) => {
    const [kind, title] = meaning(n, lengthEnd);
    return element("code", { class: kind, title }, byte === null ? "••" : byte.toString(16).padStart(2, "0"));
  });
}

/** @param {number} n @param {number} lengthEnd */
function meaning(n, lengthEnd) {
  if (n === 0) return ["kind", "the last part (8) of a text message (1)"];
  if (n === 1) return ["length", "the mask’s bit, and the length or how it follows (7e: in two bytes)"];
  return n < lengthEnd ? ["length", "the payload’s length"] : ["mask", "the masking key, chosen at random for each frame"];
}
