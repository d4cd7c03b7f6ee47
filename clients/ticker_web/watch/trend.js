/** The last price of an instrument, once a second, for two minutes: and how it is drawn. */

const POINTS = 120;
const INSET = 2; // pixels of the picture left free for the line's own width

export class Trend {
  /** Rises with every point. */
  version = 0;
  #points = new Float64Array(POINTS);
  #count = 0;

  /** @param {number} price */
  add(price) {
    this.#points[this.version % POINTS] = price;
    this.version += 1;
    this.#count = Math.min(this.#count + 1, POINTS);
  }

  /** @returns {number[]} oldest first */
  get points() {
    return Array.from({ length: this.#count }, (_, n) => this.#points[(this.version - this.#count + n) % POINTS]);
  }

  /** @returns {number} 0.01 where it rose by one per cent */
  get ratio() {
    if (this.#count < 2) return 0;
    return this.#points[(this.version - 1) % POINTS] / this.#points[(this.version - this.#count) % POINTS] - 1;
  }
}

/**
 * Draw a line over the whole width. A level one lies in the middle.
 *
 * @param {HTMLCanvasElement} canvas @param {number[]} points @param {string} colour
 */
export function draw(canvas, points, colour) {
  const { width, height } = canvas;
  const picture = canvas.getContext("2d");
  if (!picture) return;
  picture.clearRect(0, 0, width, height);
  if (points.length < 2) return;
  const [low, high] = [Math.min(...points), Math.max(...points)];
  const x = (/** @type {number} */ n) => INSET + (n * (width - 2 * INSET)) / (points.length - 1);
  const y = (/** @type {number} */ price) =>
    high > low ? height - INSET - ((price - low) * (height - 2 * INSET)) / (high - low) : height / 2;
  picture.beginPath();
  points.forEach((price, n) => picture.lineTo(x(n), y(price)));
  picture.strokeStyle = colour;
  picture.lineWidth = devicePixelRatio > 1 ? 2 : 1.25;
  picture.lineJoin = "round";
  picture.stroke();
}
