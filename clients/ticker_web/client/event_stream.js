/** The format of server-sent events (HTML, section 9.2.6): fields by line, events by empty line. */

/** @typedef {{type: string, data: string, id?: string, retryMs?: number}} StreamEvent  without data it is none, and may set the others */

/** @returns {TransformStream<string, StreamEvent>} from pieces of text, wherever they are cut */
export function events() {
  let rest = "";
  return new TransformStream({
    transform(piece, controller) {
      const whole = (rest + piece).split(/\n\n|\r\n\r\n|\r\r(?!$)/);
      rest = whole.pop() ?? "";
      for (const text of whole) controller.enqueue(event(text));
    },
  });
}

/** @param {string} text  the lines of one event @returns {StreamEvent} */
function event(text) {
  /** @type {StreamEvent} */
  const found = { type: "message", data: "" };
  const data = [];
  for (const line of text.split(/\r\n|\n|\r/)) {
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (field === "event") found.type = value;
    if (field === "data") data.push(value);
    if (field === "id") found.id = value;
    if (field === "retry" && /^\d+$/.test(value)) found.retryMs = Number(value);
  }
  found.data = data.join("\n");
  return found;
}
