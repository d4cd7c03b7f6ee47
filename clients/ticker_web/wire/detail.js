/** One frame, opened: decoded, and a packed one byte by byte too. */

import { outline } from "../client/packed.js";
import { element } from "../element.js";
import { bytes, count, duration } from "../format.js";
import { packedHead } from "../packed_frame.js";
import { wallOriginMs } from "../wall.js";
import { copyButton } from "./copy.js";
import { decoded, wholeText } from "./kept.js";
import { pretty, readable } from "./pretty.js";

/** @import {Frame} from "./kept.js" */

const WAYS = { sent: "→ sent", received: "← received", note: "· note" };

export class Detail {
  /** @type {Frame | null} */
  #frame = null;
  #head = element("p", { class: "wire-what" });
  #body = element("div", { class: "wire-body" });
  #copy = copyButton({ class: "small" }, () => this.#frame && { text: wholeText(this.#frame), done: "Copied ✓" });
  element = element(
    "section",
    { class: "wire-detail", "aria-label": "The chosen frame" },
    element("div", { class: "wire-detail-head" }, this.#head, this.#copy),
    this.#body,
  );

  constructor() {
    this.show(null);
  }

  /** @param {Frame | null} frame */
  show(frame) {
    this.#frame = frame;
    this.#copy.disabled = !frame || frame.body === null;
    if (!frame) {
      this.#head.replaceChildren(element("strong", {}, "No frame chosen"));
      this.#body.replaceChildren(element("p", { class: "wire-hint" }, "Choose one to see it decoded, here. The list goes on meanwhile."));
      return;
    }
    const told = [clockMs(frame.atMs), frame.conversation, bytes(frame.bytes)];
    if (frame.latencyMs !== undefined) told.push(`${duration(frame.latencyMs)} late`);
    this.#head.replaceChildren(
      element("strong", { class: frame.way }, WAYS[frame.way]),
      " ",
      element("strong", {}, frame.kind),
      element("small", {}, told.filter(Boolean).join(" · ")),
    );
    this.#body.scrollTop = 0;
    this.#body.replaceChildren(...inside(frame));
  }
}

/** @param {number} atMs @returns {string} the time of day, to the millisecond */
export function clockMs(atMs) {
  const date = new Date(wallOriginMs() + atMs);
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** @param {Frame} frame @returns {HTMLElement[]} */
function inside(frame) {
  const { body } = frame;
  if (body === null) return [element("p", { class: "wire-hint" }, "Its contents were too much to keep: only the newest four megabytes are.")];
  if (typeof body === "string") return [code(readable(body) || "(empty)")];
  return [packed(body), code(frame.unpacker ? pretty(decoded(frame)) : "")];
}

/** @param {string} text */
const code = (text) => element("pre", { class: "wire-json", tabindex: "0" }, element("code", {}, text));

/** The head in bytes, and where the columns lie. @param {ArrayBuffer} frame */
function packed(frame) {
  const head = packedHead(frame).map(([title, hex]) =>
    element("tr", {}, element("td", {}, element("code", {}, hex)), element("td", {}, title)),
  );
  const columns = outline(frame).sections.map(({ channel, rows, at }) =>
    element("tr", {}, element("td", {}, channel), element("td", {}, count(rows)), element("td", {}, count(at.length)), element("td", {}, count(at[0]))),
  );
  const names = ["section", "rows", "columns", "from byte"].map((name) => element("th", { scope: "col" }, name));
  return element(
    "div",
    { class: "wire-packed" },
    element("table", { class: "wire-head-bytes" }, element("caption", {}, "Its head, byte by byte"), element("tbody", {}, ...head)),
    element(
      "table",
      { class: "wire-sections" },
      element("caption", {}, "Its columns of numbers"),
      element("thead", {}, element("tr", {}, ...names)),
      element("tbody", {}, ...columns),
    ),
    element("p", { class: "wire-hint" }, "As JSON it would have been:"),
  );
}
