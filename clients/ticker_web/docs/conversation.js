/** The AsyncAPI document: who says what, and what is answered. */

import { element } from "../element.js";
import { card, listed, shown } from "./elements.js";
import { prose, sentence } from "./prose.js";
import { fields, named } from "./types.js";

/** @param {any} asyncapi */
export function conversation(asyncapi) {
  const operations = Object.values(asyncapi.operations);
  const told = Object.entries(asyncapi.channels.stream.messages).map(([name, { $ref }]) => [name, named($ref)]);
  const asked = new Map(
    operations.filter(({ action }) => action === "receive").map((one) => [named(one.messages[0].$ref), answers(one)]),
  );
  const cards = (/** @type {boolean} */ wanted) =>
    told.filter(([name]) => asked.has(name) === wanted).map(([name, key]) => message(asyncapi, key, asked.get(name)));
  return {
    id: "conversation",
    title: "The conversation, over WebSocket",
    opening: [...Object.values(asyncapi.channels).map((channel) => where(asyncapi, channel)), ...prose(asyncapi.info.description)],
    groups: [
      { title: "You say", cards: cards(true) },
      { title: "The server says", cards: cards(false) },
    ],
  };
}

/** @param {any} operation @returns {string[]} */
const answers = ({ reply }) => reply.messages.map((/** @type {{$ref: string}} */ { $ref }) => named($ref));

/** @param {any} asyncapi @param {any} channel */
function where(asyncapi, { address, title, description }) {
  const { host, protocol } = asyncapi.servers.here;
  return element(
    "p",
    { class: "where" },
    element("code", {}, `${protocol}://${host}${address}`),
    element("small", {}, ` ${title}. ${description.replaceAll("`", "")}`),
  );
}

/** @param {any} asyncapi @param {string} key @param {string[] | undefined} replies */
function message(asyncapi, key, replies) {
  const { name, summary, description, payload, examples } = asyncapi.components.messages[key];
  const type = named(payload.$ref);
  const links = (replies ?? []).map((reply) => element("a", { href: `#to-${target(asyncapi, reply)}` }, reply));
  return card(
    `to-${type}`,
    name,
    replies ? "→" : "←",
    sentence(summary),
    ...(description ? prose(description) : []),
    ...(links.length ? [element("div", { class: "answers" }, "May be answered by", listed(links))] : []),
    fields(asyncapi.components.schemas[type]),
    ...examples.map((/** @type {{payload: unknown}} */ { payload }) => shown(JSON.stringify(payload))),
  );
}

/** @param {any} asyncapi @param {string} name */
const target = (asyncapi, name) => named(asyncapi.components.messages[name].payload.$ref);
