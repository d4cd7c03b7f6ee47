/** The last price of an instrument, once a second, for two minutes: and its line. */

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
 * A line over the whole width, as the path of an SVG. A level one lies in the middle.
 *
 * @param {number[]} points @param {number} width @param {number} height @returns {string}
 */
export function path(points, width, height) {
  if (points.length < 2) return "";
  const [low, high] = [Math.min(...points), Math.max(...points)];
  const x = (/** @type {number} */ n) => INSET + (n * (width - 2 * INSET)) / (points.length - 1);
  const y = (/** @type {number} */ price) =>
    high > low ? height - INSET - ((price - low) * (height - 2 * INSET)) / (high - low) : height / 2;
  return `M${points.map((price, n) => `${x(n).toFixed(1)} ${y(price).toFixed(1)}`).join("L")}`;
}
