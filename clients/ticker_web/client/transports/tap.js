/**
 * What a reader tells of everything that goes either way, for the page to count and to show. A frame is told as it came:
 * nothing is spelled or decoded for the telling, and whoever shows it does that then.
 *
 * @typedef {object} Saying
 * @property {"sent" | "received" | "note"} way  a note is about the connection, and was never on it
 * @property {number} bytes  of its payload, its body, its event; of a request those of its head, at least
 * @property {string} kind  `type` or `op`, the name of an event or of a request, the status of an answer
 * @property {string} [text]  as it was on the wire
 * @property {ArrayBuffer} [frame]  in place of a text, where it was packed
 * @property {unknown} [decoded]  what the reader made of it
 * @property {number} [latencyMs]  of ticks: from the server's clock to ours
 *
 * @typedef {Saying & {conversation: string, atMs: number}} Event
 */

/** How old a message is. One machine has one clock; with two, their difference is in it. @param {number} ts @returns {number} ms */
export const lateness = (ts) => Math.max(0, Date.now() - ts / 1000);
