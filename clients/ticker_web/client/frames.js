/** The head of a WebSocket frame (RFC 6455, section 5.2), worked out from what it carries. */

const FINAL_TEXT = 0x81; // the last (and only) frame of a text message
const FINAL_BINARY = 0x82; // of a binary one
const MASKED = 0x80;
const SHORT_MAX = 125;
const TWO_BYTES_MAX = 0xffff;

/**
 * @param {number} payloadBytes @param {boolean} masked  clients mask, servers do not @param {boolean} [binary]
 * @returns {(number | null)[]} its bytes; null for the masking key's, which the browser does not show
 */
export function frameHead(payloadBytes, masked, binary = false) {
  const first = binary ? FINAL_BINARY : FINAL_TEXT;
  const mask = masked ? MASKED : 0;
  const key = masked ? [null, null, null, null] : [];
  if (payloadBytes <= SHORT_MAX) return [first, mask | payloadBytes, ...key];
  if (payloadBytes <= TWO_BYTES_MAX) return [first, mask | 126, payloadBytes >> 8, payloadBytes & 0xff, ...key];
  const length = Array.from({ length: 8 }, (_, n) => Math.floor(payloadBytes / 256 ** (7 - n)) % 256);
  return [first, mask | 127, ...length, ...key];
}

/** @param {string} text @returns {number} bytes of it on the wire */
export const utf8Bytes = (text) => ENCODER.encode(text).length;

const ENCODER = new TextEncoder();
