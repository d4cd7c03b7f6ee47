/** The OpenAPI document: every path, and a way to try it. */

import { card, element, table } from "./elements.js";
import { prose, words } from "./prose.js";
import { trial } from "./trial.js";
import { example, kind, named, parameterTable } from "./types.js";

/** @param {any} openapi */
export function requests(openapi) {
  const routes = Object.entries(openapi.paths).map(([path, { get }]) => ({ path, get }));
  return {
    id: "requests",
    title: "Requests, over HTTP",
    opening: prose(openapi.info.description),
    groups: openapi.tags.map((/** @type {{name: string, description: string}} */ { name, description }) => ({
      title: `${name}: ${description}`,
      cards: routes.filter(({ get }) => get.tags.includes(name)).map(({ path, get }) => route(openapi, path, get)),
    })),
  };
}

/** @param {any} openapi @param {string} path @param {any} get */
function route(openapi, path, get) {
  const parameters = get.parameters ?? [];
  return card(
    get.operationId,
    path,
    "GET",
    ...prose(`${get.summary}.`),
    ...(get.description ? prose(get.description) : []),
    ...(parameters.length ? [parameterTable(parameters)] : []),
    answers(openapi, get.responses),
    trial(path, parameters),
  );
}

/** @param {any} openapi @param {any} responses */
function answers(openapi, responses) {
  const rows = Object.entries(responses).map(([status, response]) => {
    const about = response.$ref ? openapi.components.responses[named(response.$ref)] : response;
    return [element("code", {}, status), element("span", {}, ...words(about.description)), contents(about.content ?? {})];
  });
  return table(["answer", "meaning", "content"], rows);
}

/** @param {any} content  media type to what is in it */
function contents(content) {
  const parts = Object.entries(content).map(([media, { schema, examples }]) =>
    element(
      "div",
      {},
      element("code", {}, media),
      " ",
      ...kind(schema),
      ...Object.entries(examples ?? {}).map(([name, { value }]) => example(value, name)),
    ),
  );
  return element("div", {}, ...parts);
}
