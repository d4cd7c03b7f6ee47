/**
 * Ticker's client for browsers and for Node (22 or newer): this file and those beside it, with nothing to build or install.
 *
 * In a page: `import { connect } from "http://127.0.0.1:8765/client/client.js"`. In Node: `import { connect } from
 * "./clients/ticker_web/client/client.js"`, or `npm install ./clients/ticker_web/client` and `from "ticker-client"`.
 *
 * @example
 * const feed = connect("http://127.0.0.1:8765");
 * feed.on("gap", ({ symbol, channel, from, to }) => console.error(`${symbol} ${channel}: ${from} to ${to} never came`));
 * await feed.subscribe(["ACME", "BYTE"], { channels: ["trades", "quotes"] });
 * for await (const tick of feed) {
 *   console.log(JSON.stringify(tick));
 *   if (tick.ch === "trade" && tick.n % 100 === 0) break;
 * }
 * feed.close();
 *
 * A feed comes back by itself after a loss, waits longer each time with some chance in it, and goes on from where it was:
 * no tick is missing, none comes twice, and `n` proves it. `connect(url, { transport: "sse" })` is the same over server-sent
 * events, "long-poll" and "short-poll" over plain requests, `{ encoding: "packed" }` in binary columns. `feed.on(name, …)` is
 * told of every `message`, `gap`, `lag`, `state`, `reconnect`, `fresh`, `tape` and `refused`. A `Book` rebuilds and proves the
 * order book of what comes on channel "book".
 */

import { Feed } from "./feed.js";
import { baseOf } from "./options.js";

export { Book } from "./book.js";
export { CHANNELS } from "./channels.js";
export { Feed } from "./feed.js";
export { TRANSPORTS } from "./options.js";

/** @import {Options} from "./options.js" */
/** @typedef {import("./conversation.js").Events} Events  what `on` tells */
/** @typedef {import("./messages.js").Tick} Tick */

/**
 * A feed of what a server sends, which connects when it is first asked for something. Throws a TypeError for an address or an
 * option that cannot be.
 *
 * @param {string | URL} url  such as `http://127.0.0.1:8765`, or its `ws://127.0.0.1:8765/v1/stream` @param {Options} [options]
 */
export const connect = (url, options = {}) => new Feed(baseOf(url), options);
