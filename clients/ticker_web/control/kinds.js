/** What can be made to happen, and what each kind takes. */

/**
 * @typedef {object} Value
 * @property {string} label
 * @property {string} unit
 * @property {number} scale  what is typed is divided by
 * @property {number} low
 * @property {number} high
 * @property {number} first
 */
/** @typedef {{kind: string, words: string, value?: Value, lasts: "may" | "must" | "never", duration: number}} Kind  `duration` is what is offered, in seconds; 0 until it is ended, or at once */

/** @type {(label: string, first: number) => Value} */
const percent = (label, first) => ({ label, unit: "%", scale: 100, low: -90, high: 200, first });

/** @type {Kind[]} */
export const KINDS = [
  { kind: "halt", words: "Trading stops, until it is resumed or its time is over.", lasts: "may", duration: 30 },
  { kind: "resume", words: "Ends a halt: an auction first, then trading.", lasts: "never", duration: 0 },
  { kind: "shock", words: "News: the price moves by so much, at once or over a while.", value: percent("Change", -10), lasts: "may", duration: 0 },
  {
    kind: "regime",
    words: "A wilder or a calmer market: volatility and activity times a factor.",
    value: { label: "Factor", unit: "×", scale: 1, low: 0.1, high: 20, first: 5 },
    lasts: "may",
    duration: 60,
  },
  { kind: "fat_finger", words: "An order typed wrongly: one print far off, corrected afterwards.", value: percent("Off by", 20), lasts: "may", duration: 0 },
  { kind: "quote_stuffing", words: "Quotes in a flood, and no trades to show for it.", lasts: "must", duration: 5 },
  { kind: "freeze", words: "The feed of these falls silent, as if it had died.", lasts: "may", duration: 15 },
  { kind: "thaw", words: "Ends a freeze.", lasts: "never", duration: 0 },
];
