/** The address of what is seen: `#market/ACME`, a section and the chosen instrument. A reload shows the same. */

/** @typedef {{section: string, symbol: string}} Place */

/** @returns {Place} */
export function here() {
  const [section, ...symbol] = location.hash.slice(1).split("/");
  return { section, symbol: decoded(symbol.join("/")) };
}

/** @param {string} section @param {string} symbol  or "" */
export const hash = (section, symbol) => `#${section}${symbol && `/${encodeURIComponent(symbol)}`}`;

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // typed by hand
  }
}
