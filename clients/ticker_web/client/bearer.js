/** Who asks: a token, put where each way of asking can have it. It is told to nobody else. */

/** @typedef {string | (() => string)} Token  a function is asked anew for every connection: it may have a fresh one */

export const HIDDEN = "(hidden)";

/** @param {Token} [token] @returns {string} */
export const current = (token = "") => (typeof token === "function" ? token() : token);

/** @param {Token} [token] @returns {Record<string, string>} headers */
export function bearer(token) {
  const said = current(token);
  return said ? { Authorization: `Bearer ${said}` } : {};
}

/** For those who cannot send a header, as a browser's EventSource and WebSocket. @param {URL} url @param {Token} [token] @returns {URL} */
export function addressed(url, token) {
  const said = current(token);
  if (!said) return url;
  const found = new URL(url);
  found.search += `${found.search ? "&" : "?"}token=${encodeURIComponent(said)}`;
  return found;
}
