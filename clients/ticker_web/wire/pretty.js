/** JSON as people read it: a field a line, and a tick a line. Long lists are cut short, and say so. */

const LINES_MAX = 200; // of one list
const WIDTH = 88; // what fits is left on one line

/** @param {unknown} value @param {string} [indent] @returns {string} */
export function pretty(value, indent = "") {
  const flat = spaced(value);
  if (typeof value !== "object" || value === null || indent.length + flat.length <= WIDTH) return flat;
  const deeper = `${indent}  `;
  const [open, close, lines] = Array.isArray(value) ? ["[", "]", items(value, deeper)] : ["{", "}", fields(value, deeper)];
  return `${open}\n${lines.map((line) => deeper + line).join("\n")}\n${indent}${close}`;
}

/** @param {unknown[]} list @param {string} indent */
function items(list, indent) {
  const shown = list.slice(0, LINES_MAX);
  const rows = typeof list[0] === "object" ? shown.map((one) => leaf(one, indent)) : [shown.map((one) => JSON.stringify(one)).join(", ")];
  const more = list.length - shown.length;
  return [...rows.map((row, n) => (n < rows.length - 1 || more > 0 ? `${row},` : row)), ...(more > 0 ? [`… ${more} more`] : [])];
}

/** A row of flat fields stays on its line, however long. @param {unknown} one @param {string} indent */
function leaf(one, indent) {
  const isFlat = Object.values(Object(one)).every((value) => typeof value !== "object" || value === null);
  return isFlat || Array.isArray(one) ? spaced(one) : pretty(one, indent);
}

/** @param {object} value @param {string} indent */
function fields(value, indent) {
  const all = Object.entries(value);
  return all.map(([name, one], n) => `${JSON.stringify(name)}: ${pretty(one, indent)}${n < all.length - 1 ? "," : ""}`);
}

/** @param {unknown} value @returns {string} on one line, with room between */
function spaced(value) {
  if (Array.isArray(value)) return `[${value.map(spaced).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? String(value);
  const inside = Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${spaced(one)}`);
  return inside.length > 0 ? `{ ${inside.join(", ")} }` : "{}";
}

/** What a text says, if it is JSON, an event with JSON in it, or neither. @param {string} text @returns {string} */
export function readable(text) {
  const data = /^data: (.*)$/m.exec(text);
  const json = data ? data[1] : text;
  try {
    const said = pretty(JSON.parse(json));
    return data ? text.slice(0, data.index + "data: ".length) + said : said;
  } catch {
    return text;
  }
}
