/** The little Markdown that our documents are written in: paragraphs, headings, lists, tables, code, strong words. */

import { element } from "../element.js";
import { listed, table } from "./elements.js";

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*/g;
const ITEM = /^(?:\d+\.|-) /;

/** @param {string} text @returns {(Node | string)[]} */
export function words(text) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    found.push(text.slice(end, match.index), element(match[1] ? "code" : "strong", {}, match[1] ?? match[2]));
    end = match.index + match[0].length;
  }
  return [...found, text.slice(end)];
}

/** @param {string} text @returns {HTMLElement} */
export const sentence = (text) => element("p", {}, ...words(text));

/** @param {string} text @returns {HTMLElement[]} */
export const prose = (text) => text.trim().split(/\n{2,}/).map(block);

/** @param {string} text @returns {HTMLElement} */
function block(text) {
  const lines = text.split("\n");
  if (text.startsWith("## ")) return element("h3", {}, text.slice(3));
  if (text.startsWith("|")) {
    const [heads, , ...rows] = lines.map((line) => line.slice(1, -1).split("|").map((cell) => cell.trim()));
    return table(heads, rows.map((row) => row.map((cell) => element("span", {}, ...words(cell)))));
  }
  if (!ITEM.test(text)) return sentence(lines.join(" "));
  const items = text.split(/\n(?=\d+\. |- )/).map((item) => element("span", {}, ...words(item.replace(ITEM, ""))));
  const list = listed(items);
  return text.startsWith("-") ? list : element("ol", {}, ...list.children);
}
