/** A form that sends a GET and shows what comes back, as it comes. */

import { element } from "../element.js";
import { asked } from "../token.js";

const SHOWN_CHARACTERS = 20_000;
const PLACEHOLDER = /\{(\w+)\}/g;

/** @param {string} path @param {any[]} parameters */
export function trial(path, parameters) {
  const output = element("pre", { hidden: "", tabindex: "0", "aria-live": "polite" });
  const send = element("button", { type: "submit" }, "Send");
  const form = element("form", {}, ...parameters.map(field), send);
  /** @type {AbortController | null} */
  let running = null;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (running) return running.abort();
    running = new AbortController();
    send.textContent = "Stop";
    output.hidden = false;
    await perform(path, parameters, new FormData(/** @type {HTMLFormElement} */ (form)), output, running.signal);
    running = null;
    send.textContent = "Send";
  });
  return element("details", { class: "trial" }, element("summary", {}, "Try it"), form, output);
}

/** @param {any} parameter */
function field({ name, required, schema }) {
  const shown = schema.examples?.[0];
  const value = required ? String(shown ?? "ACME") : "";
  const hint = String(schema.default ?? shown ?? "");
  const input = element("input", { name, value, placeholder: hint, autocomplete: "off", spellcheck: "false" });
  if (required) input.setAttribute("required", "");
  return element("label", {}, element("code", {}, name), input);
}

/** @param {string} path @param {any[]} parameters @param {FormData} form @param {HTMLElement} output @param {AbortSignal} signal */
async function perform(path, parameters, form, output, signal) {
  const given = (/** @type {string} */ place) => parameters.filter((one) => one.in === place && form.get(one.name)).map((one) => one.name);
  const query = new URLSearchParams(given("query").map((name) => [name, String(form.get(name))]));
  const filled = path.replace(PLACEHOLDER, (_, name) => encodeURIComponent(String(form.get(name))));
  const target = `${filled.slice(1)}${query.size ? `?${query}` : ""}`;
  output.textContent = `GET /${target}\n`;
  try {
    const headers = Object.fromEntries(given("header").map((name) => [name, String(form.get(name))]));
    await follow(await asked(target || "./", { headers, signal, cache: "no-store" }), output);
  } catch (error) {
    output.textContent += signal.aborted ? "\n(stopped)" : `\n${error}`;
  }
}

/** @param {Response} response @param {HTMLElement} output */
async function follow(response, output) {
  const lines = [...response.headers].map(([name, value]) => `${name}: ${value}`);
  const head = [output.textContent, `${response.status} ${response.statusText}`, ...lines, "", ""].join("\n");
  const pretty = /json/.test(response.headers.get("content-type") ?? "");
  output.textContent = head;
  let body = "";
  for await (const text of texts(response)) {
    body = (body + text).slice(-SHOWN_CHARACTERS * (pretty ? 50 : 1));
    if (!pretty) output.textContent = head + body;
  }
  if (pretty) output.textContent = head + JSON.stringify(JSON.parse(body), null, 2).slice(0, SHOWN_CHARACTERS);
}

/** @param {Response} response */
async function* texts(response) {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  while (reader) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
