/** What goes either way between a reader and the server: asked, counted, and told to whoever wants to know. */

import { bearer } from "../bearer.js";
import { lateness } from "./tap.js";
import { Trouble } from "./trouble.js";

/** @import {Lag, Tick, Ticks} from "../messages.js" */
/** @import {Wish} from "../wish.js" */
/** @import {Saying} from "./tap.js" */
/** @typedef {import("./tap.js").Event} Event */
/** @typedef {"off" | "opening" | "asking" | "held" | "waiting" | "streaming" | "talking" | "lost"} Doing */
/** @typedef {{epoch: string, seq: number}} Position */
/** @typedef {Position & {data: Tick[]}} Beginning  a snapshot, after which everything is wanted */
/** @typedef {{requests: number, connections: number, frames: number, heads: number, bytes: number}} Counts */
/** @typedef {{ms: number, requests: number, connections: number, frames: number}} Report  what a change of wish took */
/**
 * What HTTP costs beside what it says, as far as somebody can tell.
 *
 * @typedef {object} Meter
 * @property {(url: URL) => number} requestHead  bytes, at least
 * @property {(response: Response) => number} answerHead  bytes
 * @property {(url: URL, told: (isNew: boolean) => void) => void} watchConnection  of a request that is about to be made
 */
/**
 * @typedef {object} Options
 * @property {string} [conversation]  what events of this reader are called by
 * @property {boolean} [handshake]  be shown the upgrade
 * @property {import("../connection.js").Subprotocol} [subprotocol]
 * @property {(event: Event) => void} [tap]  is told of everything that goes either way
 * @property {boolean} [bare]  what is newly wanted is not shown first, so that a change of wish costs nothing but itself
 * @property {Meter} [meter]
 * @property {number} [window]  over a WebSocket: messages that may be sent and not acknowledged, 0 for any number
 * @property {import("../bearer.js").Token} [token]
 * @property {typeof WebSocket} [WebSocket]  where the global one is not to be used
 */
/**
 * @typedef {object} Listener
 * @property {(doing: Doing, untilMs: number | null, why: string) => void} onDoing
 * @property {() => void} onUp  a request or a frame leaves
 * @property {(bytes: number) => void} onDown  an answer or a message is here; its ticks follow
 * @property {(message: Ticks) => void | Promise<unknown>} onTicks  a promise is fulfilled when they have been processed
 * @property {(why: string) => void} onFresh  what was before does not join what comes
 * @property {(data: Tick[]) => void} onSnapshot
 * @property {(dropped: number, lag: Lag) => void} onLag
 * @property {(wish: Wish) => void} onTook  from now on the server knows this wish
 * @property {(report: Report) => void} onReport
 * @property {(why: string) => void} [onRefused]  what is wanted cannot be had: unless that changes, it is asked for again
 */

/** @type {Meter} */
const UNMETERED = { requestHead: () => 0, answerHead: () => 0, watchConnection: () => {} };
const REFUSED = [400, 403, 404];

export class Exchange {
  /** @type {Counts} */
  counts = { requests: 0, connections: 0, frames: 0, heads: 0, bytes: 0 };

  /** @param {URL} base  where the server is @param {Listener} listener @param {Options} [options] */
  constructor(base, listener, options = {}) {
    this.meter = options.meter ?? UNMETERED;
    this.base = base;
    this.listener = listener;
    this.options = options;
  }

  /** @param {number} bytes */
  down(bytes) {
    this.counts.bytes += bytes;
    this.listener.onDown(bytes);
  }

  /** Tell the tap. @param {Saying} saying */
  tell(saying) {
    this.options.tap?.({ conversation: this.options.conversation ?? "", atMs: performance.now(), ...saying });
  }

  /** @param {string} path @param {Record<string, string | number>} query */
  address(path, query) {
    const url = new URL(path, this.base);
    url.search = Object.entries(query)
      .map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%2C", ",").replaceAll("%3A", ":")}`)
      .join("&");
    return url;
  }

  /**
   * Ask once. Throws Trouble where the answer is a refusal.
   *
   * @param {string} path @param {Record<string, string | number>} query @param {AbortSignal} signal
   * @returns {Promise<any>} the answer, read
   */
  async ask(path, query, signal) {
    const url = this.address(path, query);
    this.meter.watchConnection(url, (isNew) => void (this.counts.connections += Number(isNew)));
    const head = this.meter.requestHead(url);
    this.counts.requests += 1;
    this.counts.heads += head;
    this.listener.onUp();
    const line = `GET ${url.pathname}${url.search}`;
    this.tell({ way: "sent", kind: path.slice(path.lastIndexOf("/") + 1), bytes: head, text: line });
    const answer = await fetch(url, { signal, headers: bearer(this.options.token) });
    const body = await answer.arrayBuffer();
    this.counts.heads += this.meter.answerHead(answer);
    this.down(body.byteLength);
    const text = new TextDecoder().decode(body);
    const said = JSON.parse(text);
    const newest = said.batches?.at(-1);
    const latencyMs = newest && lateness(newest.ts);
    this.tell({ way: "received", kind: String(answer.status), bytes: body.byteLength, text, decoded: said, latencyMs });
    if (answer.ok) return said;
    const asked = answer.headers.get("retry-after");
    const stale = said.code === "gone" || said.code === "bad_position";
    const refused = REFUSED.includes(answer.status) && !stale ? `${said.code}: ${said.detail}` : "";
    const final = answer.status === 401;
    throw new Trouble(`${answer.status} ${said.code}${final ? `: ${said.detail}` : ""}`, { final, stale, refused, askedS: asked ? Number(asked) : null });
  }
}
