/** How a packed frame is shown: in a line what it is, and its bytes and ticks when somebody asks. */

import { singular } from "./client/channels.js";
import { HEAD_BYTES, outline } from "./client/packed.js";
import { element } from "./element.js";
import { bytes, count } from "./format.js";

/** @import {Snapshot, Ticks} from "./client/messages.js" */

/** @type {[title: string, end: number][]} the fields of the head, in order */
const FIELDS = [
  ["kind: 1 ticks, 2 snapshot", 1],
  ["version", 2],
  ["sections, of one channel each", 4],
  ["nothing", 8],
  ["seq: the newest step", 16],
  ["ts: when it was emitted, in µs since 1970", HEAD_BYTES],
];
const TICKS_MAX = 3;

/** @param {ArrayBuffer} frame @returns {string} */
export function packedWords(frame) {
  const { type, seq, sections } = outline(frame);
  const rows = sections.map(({ channel, rows }) => `${count(rows)} ${rows === 1 ? singular(channel) : channel}`);
  return `binary, ${bytes(frame.byteLength)}: ${[type, `seq ${seq}`, ...rows].join(", ")}`;
}

/** The line, which opens. @param {ArrayBuffer} frame @param {Ticks | Snapshot} message  what it was decoded to */
export function packedLine(frame, message) {
  const line = element("details", { class: "frame" }, element("summary", {}, packedWords(frame)));
  line.addEventListener("toggle", () => line.append(...inside(frame, message)), { once: true });
  return line;
}

/** The head of a frame, field by field: its bytes, and what they are. @param {ArrayBuffer} frame @returns {[title: string, bytes: string][]} */
export const packedHead = (frame) =>
  FIELDS.map(([title, end], n) => {
    const begin = n === 0 ? 0 : FIELDS[n - 1][1];
    return [title, hex(new Uint8Array(frame, begin, end - begin))];
  });

/** @param {ArrayBuffer} frame @param {Ticks | Snapshot} message */
function inside(frame, message) {
  const fields = packedHead(frame).map(([title, bytes]) => element("code", { title }, bytes));
  const ticks = message.data.slice(0, TICKS_MAX).map((tick) => element("code", {}, JSON.stringify(tick).replaceAll(',"', ', "')));
  const more = message.data.length - ticks.length;
  const rest = frame.byteLength - HEAD_BYTES;
  return [
    element("p", { class: "head-bytes" }, ...fields, element("small", {}, ` and ${count(rest)} bytes of columns, which say:`)),
    element("p", { class: "ticks" }, ...ticks, more > 0 ? element("small", {}, `… ${count(more)} more ticks`) : ""),
  ];
}

/** @param {Uint8Array} some */
const hex = (some) => [...some].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
