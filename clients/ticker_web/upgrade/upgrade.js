/** The section that walks through the upgrade of this very page's connection, step by step. */

import { element } from "../element.js";
import { count, bytes } from "../format.js";
import { accept, GUID } from "./accept.js";
import { frameRow } from "./frame_row.js";

/** @import {Handshake, Head} from "../client/messages.js" */
/** @import {Record} from "./record.js" */

/** @type {globalThis.Record<string, string>} */
const EXPLAINED = {
  connection: "“do not close after this, change”",
  upgrade: "“to the WebSocket protocol”",
  "sec-websocket-key": "16 random bytes, new for every connection",
  "sec-websocket-version": "the only version there is",
  "sec-websocket-protocol": "which language is spoken inside",
  "sec-websocket-accept": "the key’s answer: see step 3",
  "sec-websocket-extensions": "e.g. compression: used where the answer says so",
  origin: "which site’s page asks: a browser always says so",
};

const DEFLATED =
  " This connection may deflate them, and says so with a bit of the first byte. A browser shows frames only inflated: " +
  "heads and sizes are given as they would be without.";
const TOTALS_MS = 500;

export class Upgrade {
  #steps = element("div", { class: "steps" });
  #totals = element("p", { class: "totals" });
  #frames = element("tbody", {});
  /** @type {Handshake | null} */
  #told = null;
  #shown = 0;
  #painting = 0;
  #record;

  /** @param {HTMLElement} section @param {Record} record @param {() => void} again  hang up, and dial */
  constructor(section, record, again) {
    this.#record = record;
    const button = element("button", { type: "button", id: "upgrade-again", onclick: again }, "Hang up and upgrade again");
    section.append(
      element(
        "p",
        { class: "lead" },
        "This page’s prices come through one WebSocket, which began as an HTTP request. This is what was said. ",
        button,
      ),
      this.#steps,
    );
  }

  open() {
    this.#record.onChange = () => void this.#show();
    this.#painting = setInterval(() => this.#paintTotals(), TOTALS_MS);
    void this.#show();
  }

  close() {
    this.#record.onChange = () => {};
    clearInterval(this.#painting);
  }

  async #show() {
    const { handshake, frames } = this.#record;
    if (handshake !== this.#told || !handshake) {
      this.#told = handshake;
      this.#shown = 0;
      this.#frames.replaceChildren();
      if (!handshake) return this.#steps.replaceChildren(element("p", { class: "empty" }, "Not connected."));
      this.#steps.replaceChildren(...this.#heads(handshake), keyStep(handshake), this.#framesStep(handshake));
    }
    for (const frame of frames.slice(this.#shown)) this.#frames.append(frameRow(frame));
    this.#shown = frames.length;
    this.#paintTotals();
  }

  /** @param {Handshake} handshake */
  #heads({ request, response }) {
    return [
      step("1", "The page asks, in HTTP", "A GET like any other, which asks for something else than an answer.", listing(request, "↑")),
      step("2", "The server agrees", "101, Switching Protocols: the last HTTP on this connection.", listing(response, "↓")),
    ];
  }

  /** @param {Handshake} handshake */
  #framesStep({ response }) {
    const names = ["", "head", "payload", "what it says"].map((name) => element("th", { scope: "col" }, name));
    const table = element("table", { class: "plain frames" }, element("thead", {}, element("tr", {}, ...names)), this.#frames);
    const words =
      "The very same connection, and no HTTP any more: frames, either way, whenever somebody has something to say. " +
      "What a page sends is masked with four random bytes (shown as ••).";
    const deflated = value(response, "sec-websocket-extensions").includes("permessage-deflate") ? DEFLATED : "";
    return step("4", "Both talk, in frames", words + deflated, table, this.#totals);
  }

  #paintTotals() {
    const { sent, received, heads, payload, ticks } = this.#record.totals;
    const told = this.#told;
    if (!told) return;
    const once = headBytes(told.request) + headBytes(told.response);
    this.#totals.textContent =
      `So far ${count(sent)} frames sent and ${count(received)} received with ${count(ticks)} ticks: ${bytes(payload)} of words, ` +
      `${bytes(heads)} of frame heads. Two heads of HTTP were ${bytes(once)}: a poll pays that for every answer.`;
  }
}

/** @param {Handshake} handshake */
function keyStep({ request, response }) {
  const key = value(request, "sec-websocket-key");
  const said = value(response, "sec-websocket-accept");
  const verdict = element("p", { class: "verdict", id: "accept-verdict" }, "computing …");
  void judge(key, said, verdict);
  const formula = element("pre", { class: "formula" }, element("code", {}, "base64(SHA-1(\n    ", element("b", {}, key), "\n  + ", GUID, "))"));
  const words =
    "A cache or a server that merely repeats what it hears could not answer this: the key, and a text that is the same the world over, " +
    "through SHA-1. It is a proof of understanding, no secret and no security.";
  return step("3", "The key and its answer", words, formula, verdict);
}

/** @param {string} key @param {string} said @param {HTMLElement} verdict */
async function judge(key, said, verdict) {
  const computed = await accept(key);
  verdict.dataset.right = computed === null ? "unknown" : String(computed === said);
  if (computed === null) {
    verdict.textContent = `The server answered ${said}. This page cannot check it: digests need https or localhost.`;
    return;
  }
  const sign = computed === said ? "✓ the same" : "✗ not the same";
  verdict.replaceChildren(
    line("computed here", computed),
    line("server answered", said),
    element("strong", {}, sign),
  );
}

/** @param {string} label @param {string} text */
const line = (label, text) => element("span", { class: "pair" }, element("small", {}, label), " ", element("code", {}, text));

/** @param {Head} head @param {string} name */
const value = (head, name) => head.headers.find(([one]) => one.toLowerCase() === name)?.[1] ?? "";

/** @param {Head} head @returns {number} as it was on the wire */
const headBytes = ({ line, headers }) => headers.reduce((sum, [name, said]) => sum + name.length + said.length + 4, line.length + 4);

/** @param {string} number @param {string} title @param {string} words @param {...HTMLElement} body */
const step = (number, title, words, ...body) =>
  element("section", { class: "step" }, element("h3", {}, element("span", { class: "number" }, number), title), element("p", {}, words), ...body);

/** @param {Head} head @param {string} way */
function listing(head, way) {
  const lines = head.headers.map(([name, said]) => {
    const why = EXPLAINED[name.toLowerCase()];
    return element(
      "li",
      { class: why ? "telling" : "" },
      element("code", {}, element("span", { class: "field" }, name), `: ${said}`),
      ...(why ? [element("small", {}, why)] : []),
    );
  });
  const first = element("li", { class: "first" }, element("code", {}, `${way} ${head.line}`));
  return element("ol", { class: "head" }, first, ...lines, element("li", {}, element("small", {}, `${headBytes(head)} bytes, with an empty line at the end`)));
}
