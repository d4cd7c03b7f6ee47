/** The box to try the browser's own WebSocket in: run it, send, see Thanks, close. */

import { addressed } from "../client/bearer.js";
import { element } from "../element.js";
import { clock } from "../format.js";
import { token } from "../token.js";
import { hello } from "./hello.js";

const STATES = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"];
const LINES_MAX = 30;
const STATE_MS = 40; // readyState has no event for CLOSING

export class HelloBox {
  /** @type {WebSocket | null} */
  #socket = null;
  #watch = 0;
  #states = STATES.map((name, n) => element("li", {}, `${n} ${name}`));
  #list = element("ol", { class: "said", id: "hello-said", "aria-live": "polite" });
  #input = element("input", { id: "hello-text", value: "Hello", maxlength: "200", autocomplete: "off", "aria-label": "Message" });
  #run = element("button", { type: "button", id: "hello-run", onclick: () => this.#start() }, "Run it");
  #send = element("button", { id: "hello-send" }, "socket.send(…)");
  #close = element("button", { type: "button", id: "hello-close", onclick: () => this.#end() }, "socket.close()");
  element;

  constructor() {
    const form = element("form", { onsubmit: (event) => this.#speak(event) }, this.#input, this.#send);
    this.element = element(
      "div",
      { class: "hello" },
      element("pre", { class: "code-box" }, element("code", {}, String(hello))),
      element(
        "div",
        { class: "try" },
        element("div", { class: "buttons" }, this.#run, this.#close),
        form,
        element("p", {}, element("small", {}, "socket.readyState")),
        element("ul", { class: "states", id: "hello-states" }, ...this.#states),
        this.#list,
      ),
    );
    this.#paint();
  }

  open() {
    this.#watch = setInterval(() => this.#paint(), STATE_MS);
  }

  close() {
    clearInterval(this.#watch);
    this.#socket?.close();
    this.#paint();
  }

  #start() {
    this.#socket?.close();
    this.#say("new WebSocket(…)", "sent");
    this.#socket = hello((what) => this.#say(what, "received"), addressed(new URL("hello", location.href), token));
    this.#paint();
  }

  /** @param {Event} event */
  #speak(event) {
    event.preventDefault(); // a form would load another page
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.send(this.#input.value);
    this.#say(`page: ${this.#input.value}`, "sent");
  }

  #end() {
    this.#say("socket.close()", "sent");
    this.#socket?.close();
    this.#paint();
  }

  /** @param {string} what @param {"sent" | "received"} way */
  #say(what, way) {
    const time = element("span", { class: "time" }, clock(new Date()));
    this.#list.append(element("li", { class: way }, time, " ", way === "sent" ? "→ " : "← ", what));
    if (this.#list.childElementCount > LINES_MAX) this.#list.firstElementChild?.remove();
    this.#list.scrollTop = this.#list.scrollHeight;
    this.#paint();
  }

  #paint() {
    const now = this.#socket?.readyState ?? -1;
    this.#states.forEach((state, n) => state.classList.toggle("now", n === now));
    this.#send.disabled = this.#close.disabled = now !== WebSocket.OPEN;
  }
}
