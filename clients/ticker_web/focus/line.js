/** A plain line of closing prices, where the library is not there. */

import { price } from "../format.js";
import { colours } from "./library.js";
import { time } from "./words.js";

/** @import {Instrument} from "../client/messages.js" */
/** @import {Candle, Changes} from "./bars.js" */

const SHOWN = 240;
const EDGE_PX = 14;
const SCALE_PX = 64;

export class Line {
  pointed = null;
  #canvas = document.createElement("canvas");
  #pen = /** @type {CanvasRenderingContext2D} */ (this.#canvas.getContext("2d"));
  #colours;
  #decimals = 2;
  #width = 0;
  #height = 0;

  /** @param {HTMLElement} host @param {() => void} onResize  all is to be drawn again */
  constructor(host, onResize) {
    host.append(this.#canvas);
    this.#colours = colours(this.#canvas);
    new ResizeObserver(() => {
      this.#measure();
      onResize();
    }).observe(host);
  }

  /** @param {Instrument} instrument */
  begin({ decimals }) {
    this.#decimals = decimals;
  }

  recolour() {
    this.#colours = colours(this.#canvas);
  }

  pan() {}

  zoom() {}

  home() {}

  /** @param {Changes} _ @param {Candle[]} all */
  draw(_, all) {
    const bars = all.slice(-SHOWN);
    this.#pen.clearRect(0, 0, this.#width, this.#height);
    if (bars.length < 2) return;
    const closes = bars.map((bar) => bar.close);
    const [low, high] = [Math.min(...closes), Math.max(...closes)];
    const y = (/** @type {number} */ px) => this.#height - 2 * EDGE_PX - ((px - low) / (high - low || 1)) * (this.#height - 3 * EDGE_PX);
    this.#drawScale([low, high], y);
    this.#drawLine(closes, y);
    this.#write(time(bars[0].t), 2, this.#height - 4);
    this.#write(time(bars[bars.length - 1].t), this.#width - SCALE_PX - 48, this.#height - 4);
  }

  #measure() {
    const scale = devicePixelRatio;
    this.#width = this.#canvas.clientWidth;
    this.#height = this.#canvas.clientHeight;
    this.#canvas.width = Math.round(this.#width * scale);
    this.#canvas.height = Math.round(this.#height * scale);
    this.#pen.setTransform(scale, 0, 0, scale, 0, 0);
    this.#pen.font = `11px ${getComputedStyle(this.#canvas).fontFamily}`;
  }

  /** @param {number[]} prices @param {(px: number) => number} y */
  #drawScale(prices, y) {
    this.#pen.strokeStyle = this.#colours.line;
    this.#pen.lineWidth = 1;
    for (const px of new Set(prices)) {
      this.#path([[0, y(px)], [this.#width - SCALE_PX, y(px)]]);
      this.#write(price(px, this.#decimals), this.#width - SCALE_PX + 6, y(px) + 4);
    }
  }

  /** @param {number[]} closes @param {(px: number) => number} y */
  #drawLine(closes, y) {
    const step = (this.#width - SCALE_PX) / (closes.length - 1);
    this.#pen.strokeStyle = this.#colours.accent;
    this.#pen.lineWidth = 1.5;
    this.#path(closes.map((px, place) => [place * step, y(px)]));
  }

  /** @param {number[][]} points */
  #path(points) {
    this.#pen.beginPath();
    for (const [x, y] of points) this.#pen.lineTo(x, y);
    this.#pen.stroke();
  }

  /** @param {string} words @param {number} x @param {number} y */
  #write(words, x, y) {
    this.#pen.fillStyle = this.#colours.quiet;
    this.#pen.fillText(words, x, y);
  }
}
