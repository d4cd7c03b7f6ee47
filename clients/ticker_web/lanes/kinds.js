/** The ways to the same tape, as the page tells of them: one entry a transport. */

import { LongPoll } from "../client/transports/long_poll.js";
import { ShortPoll } from "../client/transports/short_poll.js";
import { EventStream } from "../client/transports/sse.js";
import { Socket } from "../client/transports/websocket.js";
import { Request } from "./request.js";

/**
 * @typedef {object} Kind
 * @property {string} id
 * @property {string} title
 * @property {string} line  what is asked
 * @property {string} lesson  in one sentence
 * @property {string} back  how a change of mind reaches the server
 * @property {boolean} answers  ticks come as answers to requests, and not by themselves
 * @property {typeof import("../client/transports/reader.js").Reader} Reader
 */

/** @type {Kind[]} */
export const KINDS = [
  {
    id: "request",
    title: "Single request",
    line: "GET /v1/snapshot",
    lesson: "Ask once, answered once. Then the price grows old, and nobody says so.",
    back: "Ask again, with other words.",
    answers: true,
    Reader: Request,
  },
  {
    id: "short-poll",
    title: "Short poll",
    line: "GET /v1/ticks?since=…",
    lesson: "“Anything new?” Answered at once. Sleep. News waits until we ask again.",
    back: "Said in the next request: it has to be said in each one.",
    answers: true,
    Reader: ShortPoll,
  },
  {
    id: "long-poll",
    title: "Long poll",
    line: "GET /v1/ticks?since=…&wait=20",
    lesson: "“Answer when there is news.” The server holds the question. Each answer costs a new one.",
    back: "The held request is given up, and another one asks.",
    answers: true,
    Reader: LongPoll,
  },
  {
    id: "sse",
    title: "Server-sent events",
    line: "GET /v1/sse?from=…",
    lesson: "One request whose answer never ends. Fresh, but the page can only listen.",
    back: "Hang up, and ask for another stream.",
    answers: false,
    Reader: EventStream,
  },
  {
    id: "websocket",
    title: "WebSocket",
    line: "GET /v1/stream + Upgrade",
    lesson: "Both ends talk when they like: ticks come down while our acks go up.",
    back: "One frame or two on the open connection.",
    answers: false,
    Reader: Socket,
  },
];
