/**
 * The last seconds of a lane as a sequence diagram that moves: the server's line above, the page's below, now at the right.
 * A tick is a line from where it was born to where the page had it, so that the flatter it lies, the later it was.
 */

/** @import {Trace} from "./trace.js" */

const SHOWN_MS = 8_000;
const EDGE_PX = 12;
const ARROW_PX = 4;
const COLOURS = ["accent", "up", "down", "wait", "quiet", "line", "faint"];

export class Strip {
  canvas = document.createElement("canvas");
  #pen = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
  /** @type {Record<string, string>} */
  #colour = {};
  #width = 0;
  #height = 0;
  #nowMs = 0;
  #trace;

  /** @param {Trace} trace @param {string} label */
  constructor(trace, label) {
    this.#trace = trace;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", label);
  }

  /** Look again at the size of the canvas and at the page's colours. */
  measure() {
    const scale = devicePixelRatio;
    this.#width = this.canvas.clientWidth;
    this.#height = this.canvas.clientHeight;
    this.canvas.width = Math.round(this.#width * scale);
    this.canvas.height = Math.round(this.#height * scale);
    this.#pen.setTransform(scale, 0, 0, scale, 0, 0);
    const style = getComputedStyle(this.canvas);
    this.#colour = Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  }

  /** @param {number} nowMs */
  draw(nowMs) {
    this.#nowMs = nowMs;
    this.#trace.trim(nowMs);
    this.#pen.clearRect(0, 0, this.#width, this.#height);
    for (const span of this.#trace.spans) this.#drawSpan(span);
    this.#drawLines();
    for (const mark of this.#trace.marks) this.#drawMark(mark);
    for (const flight of this.#trace.flights) this.#drawFlight(flight);
  }

  get #server() {
    return EDGE_PX;
  }

  get #page() {
    return this.#height - EDGE_PX;
  }

  /** @param {number} ms */
  #x(ms) {
    return this.#width * (1 - (this.#nowMs - ms) / SHOWN_MS);
  }

  #drawLines() {
    this.#pen.strokeStyle = this.#colour.faint;
    this.#pen.lineWidth = 1;
    for (const y of [this.#server, this.#page]) {
      this.#line(0, y, this.#width, y);
    }
  }

  /** @param {import("./trace.js").Span} span */
  #drawSpan({ what, fromMs, toMs }) {
    const left = Math.max(0, this.#x(fromMs));
    const width = Math.min(this.#width, this.#x(toMs)) - left;
    if (what === "held") this.#bar(left, this.#server - 5, width, 10, "wait", 0.75);
    if (what === "waiting") this.#bar(left, this.#page - 4, width, 8, "quiet", 0.3);
    if (what === "streaming") this.#bar(left, this.#server, width, this.#page - this.#server, "up", 0.1);
    if (what === "talking") this.#pipe(left, width);
    if (what === "lost") this.#bar(left, this.#server, width, this.#page - this.#server, "down", 0.22);
  }

  /** Both ways are open: one half for what comes, one for what goes. @param {number} left @param {number} width */
  #pipe(left, width) {
    const middle = (this.#server + this.#page) / 2;
    this.#bar(left, this.#server, width, middle - this.#server, "up", 0.13);
    this.#bar(left, middle, width, this.#page - middle, "accent", 0.13);
  }

  /** @param {number} x @param {number} y @param {number} width @param {number} height @param {string} colour @param {number} alpha */
  #bar(x, y, width, height, colour, alpha) {
    this.#pen.globalAlpha = alpha;
    this.#pen.fillStyle = this.#colour[colour];
    this.#pen.fillRect(x, y, width, height);
    this.#pen.globalAlpha = 1;
  }

  /** @param {import("./trace.js").Flight} flight */
  #drawFlight({ bornMs, atMs, ticks }) {
    this.#pen.strokeStyle = this.#pen.fillStyle = this.#colour.up;
    this.#pen.lineWidth = 1.25;
    this.#line(this.#x(bornMs), this.#server, this.#x(atMs), this.#page);
    this.#dot(this.#x(bornMs), this.#server, 1.8);
    this.#dot(this.#x(atMs), this.#page, 1.8 + Math.log2(ticks));
  }

  /** @param {import("./trace.js").Mark} mark */
  #drawMark({ way, atMs }) {
    const x = this.#x(atMs);
    const [from, to] = way === "up" ? [this.#page, this.#server] : [this.#server, this.#page];
    this.#pen.strokeStyle = this.#pen.fillStyle = this.#colour[way === "up" ? "accent" : "quiet"];
    this.#pen.lineWidth = way === "up" ? 1.75 : 1;
    this.#line(x, from, x, to);
    this.#arrow(x, to, Math.sign(to - from));
  }

  /** @param {number} x @param {number} y @param {number} down  1, or -1 for up */
  #arrow(x, y, down) {
    this.#pen.beginPath();
    this.#pen.moveTo(x, y);
    this.#pen.lineTo(x - ARROW_PX, y - down * ARROW_PX * 1.8);
    this.#pen.lineTo(x + ARROW_PX, y - down * ARROW_PX * 1.8);
    this.#pen.fill();
  }

  /** @param {number} x @param {number} y @param {number} radius */
  #dot(x, y, radius) {
    this.#pen.beginPath();
    this.#pen.arc(x, y, radius, 0, 2 * Math.PI);
    this.#pen.fill();
  }

  /** @param {number} fromX @param {number} fromY @param {number} toX @param {number} toY */
  #line(fromX, fromY, toX, toY) {
    this.#pen.beginPath();
    this.#pen.moveTo(fromX, fromY);
    this.#pen.lineTo(toX, toY);
    this.#pen.stroke();
  }
}
