/** What the pages of reference are made of: lists, tables, cards. */

import { element } from "../element.js";

/** @param {(Node | string)[]} items */
export const listed = (items) => element("ul", {}, ...items.map((item) => element("li", {}, item)));

/** @param {string[]} heads @param {(Node | string)[][]} rows */
export function table(heads, rows) {
  const cells = (/** @type {(Node | string)[]} */ row) => row.map((cell, at) => element("td", { "data-head": heads[at] }, cell));
  return element(
    "div",
    { class: "scroll" },
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...cells(row)))),
    ),
  );
}

/** @param {unknown} value */
export const shown = (value) =>
  element("pre", { tabindex: "0" }, typeof value === "string" ? value : JSON.stringify(value, null, 2));

/**
 * A part of the page with an address of its own.
 *
 * @param {string} id @param {string} title @param {string} mark @param {...(Node | string)} children
 */
export function card(id, title, mark, ...children) {
  const head = element("h4", {}, element("span", { class: "mark" }, mark), " ", element("a", { href: `#${id}` }, title));
  return { title, node: element("article", { id }, head, ...children) };
}
