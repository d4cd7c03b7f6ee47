/** The OpenAPI document: every path and verb, and a way to try what only reads. */

import { element } from "../element.js";
import { card, table } from "./elements.js";
import { prose, words } from "./prose.js";
import { trial } from "./trial.js";
import { example, kind, named, parameterTable } from "./types.js";

/** @param {any} openapi */
export function requests(openapi) {
  const routes = Object.entries(openapi.paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, operation]) => ({ path, verb, operation })),
  );
  return {
    id: "requests",
    title: "Requests, over HTTP",
    opening: prose(openapi.info.description),
    groups: openapi.tags.map((/** @type {{name: string, description: string}} */ { name, description }) => ({
      title: `${name}: ${description}`,
      cards: routes.filter(({ operation }) => operation.tags.includes(name)).map((one) => route(openapi, one)),
    })),
  };
}

/** @param {any} openapi @param {{path: string, verb: string, operation: any}} one */
function route(openapi, { path, verb, operation }) {
  const { parameters = [], requestBody: body } = operation;
  return card(
    operation.operationId,
    path,
    verb.toUpperCase(),
    ...prose(`${operation.summary}.`),
    ...(operation.description ? prose(operation.description) : []),
    ...(parameters.length ? [parameterTable(parameters)] : []),
    ...(body ? [table(["body", "content"], [[body.required ? "needed" : "may be left out", contents(body.content)]])] : []),
    answers(openapi, operation.responses),
    ...(verb === "get" ? [trial(path, parameters)] : []),
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
