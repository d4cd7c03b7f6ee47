/**
 * TradingView's Lightweight Charts, where the package was built with it: a script that gives no module but a name in the
 * window. Where it was not, the server has an empty file in its place, so that nothing is refused and nothing complains.
 */

/** @typedef {{from: number, to: number}} Range  places of bars, from 0, with fractions */
/**
 * @typedef {object} Series
 * @property {(data: object[]) => void} setData
 * @property {(point: object) => void} update
 * @property {(options: object) => void} applyOptions
 * @property {() => {applyOptions: (options: object) => void}} priceScale
 */
/**
 * @typedef {object} TimeScale
 * @property {(options: object) => void} applyOptions
 * @property {() => void} resetTimeScale
 * @property {() => Range | null} getVisibleLogicalRange
 * @property {(range: Range) => void} setVisibleLogicalRange
 */
/**
 * @typedef {object} LibraryChart
 * @property {(kind: unknown, options: object) => Series} addSeries
 * @property {(options: object) => void} applyOptions
 * @property {() => TimeScale} timeScale
 * @property {(hear: (event: {time?: number}) => void) => void} subscribeCrosshairMove
 */
/**
 * @typedef {object} Library
 * @property {(host: HTMLElement, options: object) => LibraryChart} createChart
 * @property {unknown} CandlestickSeries
 * @property {unknown} HistogramSeries
 */

/** @returns {Promise<Library | null>} */
export async function library() {
  await import(new URL("../vendor/lightweight-charts.js", import.meta.url).href).catch(() => null);
  return /** @type {{LightweightCharts?: Library}} */ (/** @type {unknown} */ (globalThis)).LightweightCharts ?? null;
}

/** @typedef {Record<string, string>} Colours */

const NAMES = ["panel", "line", "text", "quiet", "faint", "accent", "up", "down", "flash-up", "flash-down"];

/** @param {HTMLElement} element @returns {Colours} of the page as it is shown now */
export function colours(element) {
  const style = getComputedStyle(element);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}
