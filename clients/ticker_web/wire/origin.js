/** Where the tape comes from: a market in the server, a recording, or another server; asked again where that may change. */

/**
 * @typedef {object} Origin
 * @property {"market" | "replay" | "root" | "standby" | "leaf"} role
 * @property {string} [leader]
 * @property {boolean} [stale]
 */

const AGAIN_MS = 5_000;

/** @param {Origin} origin @returns {string} nothing where the server has a market of its own */
export function spelled({ role, leader, stale }) {
  const words = { market: "", replay: "a recording", root: "root", standby: "standby", leaf: "leaf" }[role];
  const whose = role === "standby" || role === "leaf" ? ` of ${leader ?? "nobody yet"}` : "";
  return `${words}${whose}${stale ? ": stale" : ""}`;
}

export class OriginWatch {
  #base;
  #show;
  #timer = 0;

  /** @param {URL} base @param {(said: string, stale: boolean) => void} show */
  constructor(base, show) {
    this.#base = base;
    this.#show = show;
  }

  /** Ask now: a connection has come to be, or is gone. */
  async look() {
    clearTimeout(this.#timer);
    try {
      const answer = await fetch(this.#base, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const origin = /** @type {Origin} */ (await answer.json());
      this.#show(spelled(origin), origin.stale === true);
      if (origin.role !== "market" && origin.role !== "replay") this.#timer = setTimeout(() => void this.look(), AGAIN_MS);
    } catch {
      // the state of the connection says that nobody answers
    }
  }
}
