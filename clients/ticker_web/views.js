/** Which part of the page is shown: the address says it (`#transports`), and only what is shown may work. */

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

  #follow() {
    const asked = location.hash.slice(1);
    const name = section(asked) ? asked : FIRST;
    if (name === this.#shown) return;
    this.#set(this.#shown, false);
    this.#shown = name;
    for (const one of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-view]"))) {
      one.hidden = one.dataset.view !== name;
    }
    for (const link of document.querySelectorAll("nav a")) {
      if (link.getAttribute("href") === `#${name}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
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
    location.hash = FIRST;
  }
}

/** @param {string} name @returns {HTMLElement | null} */
const section = (name) => document.querySelector(`[data-view="${CSS.escape(name)}"]`);
