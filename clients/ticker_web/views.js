/** Which part of the page is shown: the address says it (`#transports`), and only what is shown may work. */

import { hash, here } from "./address.js";

/** @typedef {{open: () => void, close: () => void}} View */

const FIRST = "market";

export class Views {
  #shown = "";
  /** @type {Map<string, Promise<View>>} */
  #made = new Map();
  #makers;

  /** @param {Record<string, (section: HTMLElement) => Promise<View>>} makers  for views that do something, made when first opened */
  constructor(makers) {
    this.#makers = makers;
    addEventListener("hashchange", () => this.#follow());
    document.addEventListener("visibilitychange", () => this.#set(this.#shown, !document.hidden));
    this.#follow();
  }

  /** Every section's address carries what is chosen. @param {string} symbol */
  carry(symbol) {
    for (const link of links()) link.setAttribute("href", hash(sectionOf(link), symbol));
  }

  /** A section that was not there at first. @param {string} name */
  offer(name) {
    const offered = link(name);
    if (offered) offered.hidden = false;
    this.#follow();
  }

  #follow() {
    const asked = here().section;
    const name = section(asked) && !link(asked)?.hidden ? asked : FIRST;
    if (name === this.#shown) return;
    this.#set(this.#shown, false);
    this.#shown = name;
    document.body.dataset.section = name;
    for (const one of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-view]"))) {
      one.hidden = one.dataset.view !== name;
    }
    for (const one of links()) {
      if (sectionOf(one) === name) one.setAttribute("aria-current", "page");
      else one.removeAttribute("aria-current");
    }
    this.#set(name, true);
  }

  /** @param {string} name @param {boolean} open */
  async #set(name, open) {
    const make = this.#makers[name];
    if (!make || (!open && !this.#made.has(name))) return;
    if (!this.#made.has(name)) this.#made.set(name, make(/** @type {HTMLElement} */ (section(name))));
    const view = await this.#made.get(name)?.catch(() => this.#failed(name));
    if (!open) return view?.close();
    if (name === this.#shown && !document.hidden) view?.open();
  }

  /** Its files could not be had: it is made when next asked for. @param {string} name */
  #failed(name) {
    this.#made.delete(name);
    location.hash = hash(FIRST, here().symbol);
  }
}

/** @returns {HTMLAnchorElement[]} to the sections of this page */
const links = () =>
  [.../** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("nav a"))].filter((one) => one.hash !== "");

/** @param {HTMLAnchorElement} link */
const sectionOf = (link) => link.hash.slice(1).split("/")[0];

/** @param {string} name */
const link = (name) => links().find((one) => sectionOf(one) === name);

/** @param {string} name @returns {HTMLElement | null} */
const section = (name) => document.querySelector(`[data-view="${CSS.escape(name)}"]`);
