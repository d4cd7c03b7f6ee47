/** What may be chosen of a feed, and what cannot be: a mistake is one sentence that names the option. */

/** @import {Token} from "./bearer.js" */
/** @import {Event, Meter, Position} from "./transports/exchange.js" */
/** @import {Pace} from "./wish.js" */
/** @typedef {"ws" | "sse" | "long-poll" | "short-poll"} Transport */
/** @typedef {"json" | "packed"} Encoding */
/**
 * @typedef {object} Options
 * @property {Transport} [transport]  "ws" if not said
 * @property {Encoding} [encoding]  how ticks come over "ws": as "json" (if not said) or "packed", which is a third of the bytes
 * @property {number} [window]  over "ws", so many messages of ticks at most are sent and not processed: 64 if not said, 0 for any
 *   number. Who does not iterate is sent no more until it does
 * @property {Position | string} [from]  a position, such as `processed` of an earlier feed, to go on from
 * @property {number} [intervalMs]  between two questions of a short poll: 1,000 if not said
 * @property {typeof WebSocket} [WebSocket]  where there is none, or another is wanted
 * @property {Token} [token]  who asks: over "ws" it is said in a message, by a browser's EventSource in the query, else in a header
 * @property {string} [name]  what its events are called by
 * @property {(event: Event) => void} [tap]  is told of everything that goes either way
 * @property {boolean} [handshake]  be shown the upgrade
 * @property {Meter} [meter]
 */

/** @type {Transport[]} */
export const TRANSPORTS = ["ws", "sse", "long-poll", "short-poll"];
/** @type {Encoding[]} */
const ENCODINGS = ["json", "packed"];
const PACES = ["every", "latest"];
const KNOWN = ["transport", "encoding", "window", "from", "intervalMs", "WebSocket", "token", "name", "tap", "handshake", "meter"];
const TOKEN = /^[\x21-\x7e]+$/;
const STREAM = /\/v1\/stream\/?$/;

/** @param {string | URL} url  of the server, or of its stream @returns {URL} with which what it serves begins. Throws a TypeError */
export function baseOf(url) {
  const base = URL.canParse(url) ? new URL(url) : null;
  if (!base || !/^(https?|wss?):$/.test(base.protocol)) throw new TypeError(`connect: ${url} is no address, such as http://127.0.0.1:8765`);
  base.protocol = base.protocol.replace("ws", "http");
  base.pathname = `${base.pathname.replace(STREAM, "").replace(/\/$/, "")}/`;
  base.search = base.hash = "";
  return base;
}

/** Throws a TypeError for what cannot be. @param {Options} options */
export function check(options) {
  for (const name of Object.keys(options)) among(name, KNOWN, "an option");
  const { transport = "ws", encoding = "json", window = 0, intervalMs = 1, token } = options;
  among(transport, TRANSPORTS, "a transport");
  among(encoding, ENCODINGS, "an encoding");
  if (!Number.isInteger(window) || window < 0) throw new TypeError(`window: ${window} is no number of messages`);
  if (token !== undefined && typeof token !== "function" && !TOKEN.test(token)) {
    throw new TypeError("token: it is empty, or has a character that no token has"); // which is not shown
  }
  if (!(intervalMs > 0)) throw new TypeError(`intervalMs: ${intervalMs} is no time between questions`);
}

/** Throws a TypeError where it is none of them. @param {string} one @param {string[]} known @param {string} what */
export function among(one, known, what) {
  if (!known.includes(one)) throw new TypeError(`${one} is not ${what}; known: ${known.join(", ")}`);
}

/** @param {Position | string} from  `epoch:seq` as text @returns {Position}. Throws a TypeError */
export function positionOf(from) {
  if (typeof from !== "string") return from;
  const [, epoch, seq] = /^(.+):(\d+)$/.exec(from) ?? [];
  if (!epoch) throw new TypeError(`from: ${from} is no position, such as 0123abcd:1500`);
  return { epoch, seq: Number(seq) };
}

/** @param {Pace} pace @param {number} [rateHz] @returns {{pace: Pace, rate_hz?: number}}. Throws a TypeError */
export function paceOf(pace, rateHz) {
  among(pace, PACES, "a pace");
  if (rateHz === undefined) return { pace };
  if (pace !== "latest" || !(rateHz > 0)) throw new TypeError(`rateHz: ${rateHz} goes with pace latest, and is above 0`);
  return { pace, rate_hz: rateHz };
}

/** Throws an Error where a transport cannot be had. @param {Transport} transport @param {Options["WebSocket"]} given */
export function checkSocket(transport, given) {
  if (transport !== "ws" || given || globalThis.WebSocket) return;
  throw new Error("there is no WebSocket here: Node has one from version 22 on; give one as option WebSocket, or choose another transport");
}
