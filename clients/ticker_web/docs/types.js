/** Schemas, as tables of fields and as words. */

import { element } from "../element.js";
import { card, shown, table } from "./elements.js";
import { prose, words } from "./prose.js";

const BOUNDS = { minimum: "at least", maximum: "at most", maxLength: "characters at most", minItems: "items at least" };
const HUGE = 2 ** 53 - 1;

/** @param {string} reference */
export const named = (reference) => reference.slice(reference.lastIndexOf("/") + 1);

/** @param {string} reference  to a schema: a link to where it is shown */
const link = (reference) => element("a", { href: `#to-${named(reference)}` }, named(reference));

/** Say in words what a value may be. @param {any} schema @returns {(Node | string)[]} */
export function kind(schema) {
  if (schema.$ref) return [link(schema.$ref)];
  if ("const" in schema) return [element("code", {}, JSON.stringify(schema.const))];
  if (schema.enum) return between(schema.enum.map((/** @type {unknown} */ value) => [element("code", {}, JSON.stringify(value))]), " or ");
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return between(choices.map(kind), " or ");
  if (schema.type === "array") return ["list of ", ...kind(schema.items ?? {})];
  if (schema.type === "object" && schema.additionalProperties) {
    return ["object: name to ", ...kind(schema.additionalProperties)];
  }
  return [schema.type ?? "anything"];
}

/** @param {(Node | string)[][]} parts @param {string} joint */
const between = (parts, joint) => parts.flatMap((part, at) => (at ? [joint, ...part] : part));

/** @param {any} schema */
function meaning(schema) {
  const notes = Object.entries(BOUNDS)
    .filter(([key]) => key in schema && Math.abs(schema[key]) < HUGE)
    .map(([key, say]) => (key === "maxLength" || key === "minItems" ? `${schema[key]} ${say}` : `${say} ${schema[key]}`));
  if ("default" in schema) notes.push(`by default ${JSON.stringify(schema.default)}`);
  if (schema.examples) notes.push(`such as ${schema.examples.map((/** @type {unknown} */ value) => JSON.stringify(value)).join(", ")}`);
  const text = [schema.description, notes.join(", ")].filter(Boolean).join("; ");
  return element("span", {}, ...words(text));
}

/** @param {any} schema  of an object */
export function fields(schema) {
  const needed = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {}).map(([name, about]) => [
    element("code", {}, name),
    element("span", {}, ...kind(about), needed.has(name) ? "" : element("small", {}, " optional")),
    meaning(about),
  ]);
  return rows.length ? table(["field", "type", "meaning"], rows) : element("p", {}, "No fields.");
}

/** @param {any[]} parameters  of OpenAPI */
export function parameterTable(parameters) {
  const rows = parameters.map(({ name, in: place, required, description, schema }) => [
    element("code", {}, name),
    element("span", {}, ...kind(schema), element("small", {}, ` ${place}${required ? "" : ", optional"}`)),
    meaning({ ...schema, description }),
  ]);
  return table(["parameter", "type", "meaning"], rows);
}

/** @param {string} name @param {any} schema */
export function typeCard(name, schema) {
  const parts = schema.oneOf?.flatMap((/** @type {any} */ part) => [element("h5", {}, part.title), fields(part)]);
  return card(`to-${name}`, name, "type", ...prose(schema.description ?? ""), ...(parts ?? [fields(schema)]));
}

/** @param {any} value @param {string} title */
export const example = (value, title = "Example") =>
  element("details", {}, element("summary", {}, title), shown(value));
