/** The depth ladder: ten levels a side, asks above, and the proof that they are the server's. */

import { Book } from "../client/book.js";
import { element, write } from "../element.js";
import { count, NOTHING, price } from "../format.js";

/** @import {Level} from "../client/book.js" */
/** @import {Book as Row, Instrument} from "../client/messages.js" */

const LEVELS = 10;
const PROOFS_TO_DOUBT_AGAIN = 100; // in a row, after which a book that was asked for anew may be asked for another time

class Rung {
  #price = new Text(NOTHING);
  #size = new Text("");
  #total = new Text("");
  #bar = element("span", { class: "bar" });
  element;
  #share = -1;
  #side;
  #place;

  /** @param {"ask" | "bid"} side @param {number} place  from 1, the best */
  constructor(side, place) {
    this.#side = side;
    this.#place = place;
    this.element = element(
      "tr",
      { "data-side": side },
      element("td", { class: "sz" }, this.#bar, element("span", {}, this.#size)),
      element("td", { class: "px" }, this.#price),
      element("td", { class: "total" }, this.#total),
    );
  }

  /** @param {string} px @param {number} size @param {number} total  of this and all better ones @param {number} share  of the largest size shown */
  show(px, size, total, share) {
    const title = `${this.#side} ${this.#place}: ${count(size)} at ${px}; ${count(total)} at this price or better`;
    write(this.#price, px);
    write(this.#size, count(size));
    write(this.#total, count(total));
    if (this.element.title !== title) this.element.title = title;
    this.element.classList.remove("none");
    this.#draw(share);
  }

  empty() {
    write(this.#price, NOTHING);
    write(this.#size, "");
    write(this.#total, "");
    this.element.title = `no ${this.#side} ${this.#place}`;
    this.element.classList.add("none");
    this.#draw(0);
  }

  /** @param {number} share */
  #draw(share) {
    if (share === this.#share) return;
    this.#share = share;
    this.#bar.style.transform = `scaleX(${share.toFixed(3)})`;
  }
}

export class Ladder {
  #asks = Array.from({ length: LEVELS }, (_, place) => new Rung("ask", place + 1));
  #bids = Array.from({ length: LEVELS }, (_, place) => new Rung("bid", place + 1));
  #spread = new Text(NOTHING);
  #proved = new Text("");
  #wrong = new Text("");
  element = element(
    "section",
    { class: "ladder", "aria-label": "Depth" },
    element("h3", {}, "Depth"),
    element(
      "table",
      {},
      element(
        "thead",
        {},
        element("tr", {}, ...["Size", "Price", "Total"].map((name) => element("th", { scope: "col" }, name))),
      ),
      element(
        "tbody",
        {},
        ...this.#asks.map((rung) => rung.element).reverse(),
        element(
          "tr",
          { class: "between" },
          element(
            "td",
            { colspan: "3" },
            element("div", {}, element("span", {}, "▲ asks"), element("strong", {}, this.#spread), element("span", {}, "bids ▼")),
          ),
        ),
        ...this.#bids.map((rung) => rung.element),
      ),
    ),
    element(
      "p",
      { class: "proof", title: "A change of the book carries a CRC-32 of all its levels: the page computes its own and compares." },
      element("span", { class: "proved" }, this.#proved),
      element("strong", { class: "wrong", role: "status" }, this.#wrong),
    ),
  );
  /** Checksums that were right. */
  proved = 0;
  /** Checksums that were wrong, with those that could not be told for missing rows. */
  wrong = 0;
  /** Proofs until a book that turned out wrong may be asked for another time. */
  #due = 0;
  #dirty = false;
  /** @type {Instrument | null} */
  #instrument = null;
  /** @type {Book | null} */
  #book = null;
  #onDoubt;

  /** @param {(symbol: string) => void} onDoubt  the book is not the server's: once, until it has proved itself */
  constructor(onDoubt) {
    this.#onDoubt = onDoubt;
  }

  /** @param {Instrument} instrument */
  choose(instrument) {
    this.#instrument = instrument;
    this.#book = new Book(instrument);
    this.proved = this.wrong = this.#due = 0;
    this.#dirty = true;
  }

  /** @param {Row} row @returns {number} how many rows before it did not come */
  take(row) {
    if (!this.#book) return 0;
    const { n } = this.#book;
    const verdict = this.#book.take(row);
    this.#dirty = true;
    if (verdict === "proved") this.#prove();
    else if (verdict !== "") this.#doubt();
    return verdict === "hole" && n > 0 ? row.n - n - 1 : 0;
  }

  paint() {
    if (!this.#dirty || !this.#book) return;
    this.#dirty = false;
    const { asks, bids } = this.#book;
    const most = Math.max(1, ...[...asks, ...bids].map(([, size]) => size));
    this.#paintSide(this.#asks, asks, most);
    this.#paintSide(this.#bids, bids, most);
    this.#paintSpread(asks[0], bids[0]);
    this.#paintProof(this.#book);
  }

  #prove() {
    this.proved += 1;
    if (this.#due > 0) this.#due -= 1;
  }

  #doubt() {
    this.wrong += 1;
    const tried = this.#due > 0;
    this.#due = PROOFS_TO_DOUBT_AGAIN;
    if (!tried && this.#instrument) this.#onDoubt(this.#instrument.symbol);
  }

  /** @param {number} ticks */
  #shown(ticks) {
    return price(this.#book?.money(ticks) ?? 0, this.#instrument?.decimals ?? 2);
  }

  /** @param {Rung[]} rungs @param {Level[]} levels @param {number} most */
  #paintSide(rungs, levels, most) {
    let total = 0;
    for (const [place, rung] of rungs.entries()) {
      const level = levels[place];
      if (!level) {
        rung.empty();
        continue;
      }
      total += level[1];
      rung.show(this.#shown(level[0]), level[1], total, level[1] / most);
    }
  }

  /** @param {Level | undefined} ask @param {Level | undefined} bid */
  #paintSpread(ask, bid) {
    if (!ask || !bid || !this.#book) return write(this.#spread, NOTHING);
    const points = ((ask[0] - bid[0]) / (ask[0] + bid[0])) * 20_000;
    write(this.#spread, `spread ${this.#shown(ask[0] - bid[0])} · ${points.toFixed(1)} bp`);
  }

  /** @param {Book} book */
  #paintProof(book) {
    const doubtful = !book.whole;
    write(this.#proved, this.proved > 0 ? `✓ checksum proved ${count(this.proved)} times` : "no checksum yet");
    write(this.#wrong, this.wrong > 0 ? `✗ wrong ${count(this.wrong)}${doubtful ? ": asked for anew" : ""}` : "");
    this.element.classList.toggle("doubtful", doubtful);
  }
}
