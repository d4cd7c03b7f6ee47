/** The proof that all lanes read the same tape: the same number has the same contents, whichever way it came. */

/** @import {Tick} from "../client/messages.js" */

const KEPT = 5_000;

export class SameTape {
  /** Ticks that every lane has had, and ticks that differed between two. */
  agreed = 0;
  differed = 0;
  /** @type {Map<string, {contents: string, lanes: Set<string>}>} */
  #seen = new Map();
  #lanes;

  /** @param {number} lanes  how many must have it */
  constructor(lanes) {
    this.#lanes = lanes;
  }

  /** @param {string} lane @param {string} epoch @param {Tick[]} data */
  note(lane, epoch, data) {
    for (const tick of data) {
      const contents = JSON.stringify(tick);
      const key = `${epoch} ${tick.ch} ${tick.sym} ${tick.n}`;
      const seen = this.#seen.get(key);
      if (!seen) this.#add(key, { contents, lanes: new Set([lane]) });
      else if (seen.contents !== contents) this.differed += 1;
      else this.#join(seen.lanes, lane);
    }
  }

  /** @param {Set<string>} lanes @param {string} lane */
  #join(lanes, lane) {
    if (lanes.has(lane)) return;
    lanes.add(lane);
    if (lanes.size === this.#lanes) this.agreed += 1;
  }

  /** @param {string} key @param {{contents: string, lanes: Set<string>}} entry */
  #add(key, entry) {
    this.#seen.set(key, entry);
    if (this.#seen.size > KEPT) this.#seen.delete(/** @type {string} */ (this.#seen.keys().next().value));
  }
}
