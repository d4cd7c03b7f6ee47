/** Sec-WebSocket-Accept (RFC 6455, section 4.2.2): the proof that the server speaks WebSocket, and did not just echo. */

export const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * @param {string} key  the request's Sec-WebSocket-Key
 * @returns {Promise<string | null>} what the server has to answer; null where the browser keeps its digests for secure contexts
 */
export async function accept(key) {
  if (!globalThis.crypto?.subtle) return null;
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + GUID));
  return btoa(String.fromCharCode(...new Uint8Array(digest)));
}
