/** A button that puts a text on the clipboard, and says for a moment what came of it. */

import { element } from "../element.js";

const SAID_MS = 1_500;

/**
 * @param {Record<string, string>} attributes
 * @param {() => {text: string, done: string} | null} what  to copy, and what to say then; null where there is nothing
 * @returns {HTMLButtonElement}
 */
export function copyButton(attributes, what) {
  const button = element("button", { type: "button", ...attributes, onclick: () => void copy() }, "Copy");
  async function copy() {
    const wanted = what();
    if (!wanted) return;
    button.textContent = (await copied(wanted.text)) ? wanted.done : "Not allowed";
    setTimeout(() => (button.textContent = "Copy"), SAID_MS);
  }
  return button;
}

/** @param {string} text @returns {Promise<boolean>} whether it is on the clipboard */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // not a secure context, or not permitted
  }
}
