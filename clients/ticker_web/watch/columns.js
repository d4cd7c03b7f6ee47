/** The columns of the watch list: what they are called, and what they are sorted by. */

/** @import {Item} from "./item.js" */
/** @typedef {"symbol" | "name" | "sector" | "trend" | "last" | "change" | "bid" | "ask" | "volume"} Name */
/** @typedef {{name: Name, label: string, title: string, of: (item: Item) => string | number}} Column */
/** @typedef {{column: Name, descending: boolean} | null} Order  null is the universe's own */

/** @type {Column[]} */
export const COLUMNS = [
  { name: "symbol", label: "Symbol", title: "", of: (item) => item.symbol },
  { name: "name", label: "Name", title: "", of: (item) => item.instrument.name },
  { name: "sector", label: "Sector", title: "", of: (item) => item.instrument.sector },
  { name: "trend", label: "2 min", title: "The last price, once a second, since this page was opened: two minutes at most", of: (item) => item.trend.ratio },
  { name: "last", label: "Last", title: "", of: (item) => item.last },
  { name: "change", label: "Change", title: "Since the close of the day before", of: (item) => item.ratio },
  { name: "bid", label: "Bid", title: "", of: (item) => item.bid },
  { name: "ask", label: "Ask", title: "", of: (item) => item.ask },
  { name: "volume", label: "Volume", title: "Traded today", of: (item) => item.volume },
];

const VALUES = new Map(COLUMNS.map(({ name, of }) => [name, of]));

/**
 * The order after a press on a column's head: numbers begin with the greatest, words with A; then the other way round.
 *
 * @param {Order} order @param {Column} column @param {Item | undefined} sample @returns {Order}
 */
export function pressed(order, column, sample) {
  if (order?.column === column.name) return { column: column.name, descending: !order.descending };
  return { column: column.name, descending: sample !== undefined && typeof column.of(sample) === "number" };
}

/** @param {Item[]} items @param {Order} order @returns {Item[]} a new list; equals stay in the universe's order */
export function sorted(items, order) {
  const of = order && VALUES.get(order.column);
  if (!of) return [...items].sort((one, other) => one.place - other.place);
  const sign = order.descending ? -1 : 1;
  return [...items].sort((one, other) => sign * compared(of(one), of(other)) || one.place - other.place);
}

/** @param {string | number} one @param {string | number} other */
const compared = (one, other) => (one < other ? -1 : one > other ? 1 : 0);
