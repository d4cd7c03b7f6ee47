/** @typedef {Record<string, string | boolean | ((event: Event) => void)>} Properties */

/**
 * An element with what is in it. Words become text, never markup.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Properties} properties  `onclick` and the like are listeners, `true` is an attribute without a value
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, properties, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** Words that are only written where they differ: what does not change costs nothing. @param {Node} where @param {string} words */
export function write(where, words) {
  if (where.textContent !== words) where.textContent = words;
}

/** @param {string[]} values @param {string} [nothing]  what an empty one is called @returns {HTMLOptionElement[]} of a choice among them */
export const options = (values, nothing = "") => values.map((value) => element("option", { value }, value || nothing));
