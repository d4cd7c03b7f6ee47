/** Fetches the two documents, and shows them: the conversation, the requests, the types both are made of. */

import { element } from "../element.js";
import { conversation } from "./conversation.js";
import { listed } from "./elements.js";
import { requests } from "./requests.js";
import { typeCard } from "./types.js";

/** @typedef {{title: string, node: HTMLElement}} Card */
/** @typedef {{id: string, title: string, opening: Node[], groups: {title: string, cards: Card[]}[]}} Section */

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} name */
async function read(name) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response.json();
}

/** @param {any} asyncapi @param {any} openapi */
function show(asyncapi, openapi) {
  const told = new Set(Object.values(asyncapi.components.messages).map(({ payload }) => payload.$ref));
  const types = Object.entries({ ...asyncapi.components.schemas, ...openapi.components.schemas })
    .filter(([name]) => !told.has(`#/components/schemas/${name}`))
    .sort(([one], [other]) => one.localeCompare(other));
  const sections = [
    conversation(asyncapi),
    requests(openapi),
    {
      id: "types",
      title: "Types",
      opening: [],
      groups: [{ title: "", cards: types.map(([name, schema]) => typeCard(name, schema)) }],
    },
  ];
  byId("documents").replaceChildren(...sections.map(sectionOf));
  byId("contents").replaceChildren(...sections.map(contentsOf));
}

/** @param {Section} section */
function sectionOf({ id, title, opening, groups }) {
  const cards = groups.flatMap(({ title, cards }) => [
    ...(title ? [element("h3", {}, title)] : []),
    ...cards.map((card) => card.node),
  ]);
  return element("section", { id }, element("h2", {}, title), ...opening, ...cards);
}

/** @param {Section} section */
function contentsOf({ id, title, groups }) {
  const links = groups.flatMap(({ cards }) => cards.map((card) => element("a", { href: `#${card.node.id}` }, card.title)));
  return element("details", { open: "" }, element("summary", {}, element("a", { href: `#${id}` }, title)), listed(links));
}

try {
  show(...(await Promise.all([read("asyncapi.json"), read("openapi.json")])));
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
} catch (error) {
  byId("state").textContent = `The documents could not be read: ${error}. Is the server still there?`;
}
