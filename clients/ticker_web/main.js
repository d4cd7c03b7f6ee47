/** The page: brings connection, interest, acks, table and journal together. */

import { Acks } from "./acks.js";
import { Board } from "./board.js";
import { Connection } from "./connection.js";
import { bytes, count, duration, NOTHING } from "./format.js";
import { CHANNELS } from "./channels.js";
import { Interest } from "./interest.js";
import { Journal } from "./journal.js";
import { Rate } from "./rates.js";
import { listed } from "./transports/once.js";
import { Record } from "./upgrade/record.js";
import { Views } from "./views.js";

/** @import {Channel, ServerMessage, Welcome} from "./messages.js" */

const FIGURES_MS = 250;
const RESUME_MS = 10_000; // of market time: what is older than this is not worth hearing, a snapshot is
const TYPING_MS = 150; // a pause this long ends a word, and the subscription follows

/** @param {string} id @returns {HTMLElement} */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
/** @param {string} id @param {string} words */
const write = (id, words) => void (byId(id).textContent = words);

const filter = /** @type {HTMLInputElement} */ (byId("filter"));
const board = new Board(byId("rows"), (symbol) => interest.doubt(symbol));
const journal = new Journal(byId("journal"));
const rates = { ticks: new Rate(), messages: new Rate(), bytes: new Rate() };
const record = new Record();
const base = new URL(".", location.href);
const url = new URL("v1/stream?handshake=true", base);
url.protocol = url.protocol.replace("http", "ws");
const connection = new Connection(url, { onState, onMessage, onSent });
const interest = new Interest((message) => connection.send(message));
const acks = new Acks((message) => connection.send(message));

const tape = { epoch: "", seq: 0 };
const ping = { id: 0, atMs: 0 };
let conversation = 0;
let specimen = false; // of packed ticks, in the journal

/** @param {import("./connection.js").State} state @param {string} why */
function onState(state, why) {
  document.body.dataset.state = state;
  if (state !== "live") interest.suspend();
  if (state === "live") record.restart();
  write("state", state);
  write("why", why);
  write("switch", state === "closed" ? "Connect" : "Disconnect");
  /** @type {HTMLButtonElement} */ (byId("ping")).disabled = state !== "live";
}

/** @param {import("./messages.js").ClientMessage} message @param {number} size */
function onSent(message, size) {
  record.sent(message, size);
  journal.sent(message);
}

/** @param {ServerMessage} message @param {number} size @param {ArrayBuffer | null} frame */
function onMessage(message, size, frame) {
  record.received(message, size, frame);
  rates.messages.add();
  rates.bytes.add(size);
  if (message.type === "ticks") {
    if (frame && !specimen) journal.packed(frame, message);
    specimen = true;
    rates.ticks.add(message.data.length);
    board.take(message.data);
    tape.seq = message.seq;
    acks.processed(message.seq);
    return;
  }
  if (frame && message.type === "snapshot") journal.packed(frame, message);
  else journal.received(message);
  onWord(message);
}

/** Everything but ticks. @param {Exclude<ServerMessage, import("./messages.js").Ticks>} message */
function onWord(message) {
  switch (message.type) {
    case "welcome":
      return void begin(message);
    case "snapshot":
      return board.reset(message.data);
    case "subscribed":
    case "unsubscribed":
      showChannels(message.subscriptions);
      return interest.granted(message.id, message.subscriptions);
    case "error":
      return interest.refused(message.id);
    case "lag":
      return void (board.missed += message.dropped);
    case "heartbeat":
      return void (tape.seq = message.seq);
    case "pong":
      if (message.id === ping.id) write("round-trip", duration(performance.now() - ping.atMs));
  }
}

/** Begin a conversation, with an empty table where the tape is another one or has been started anew. @param {Welcome} welcome */
async function begin(welcome) {
  const current = (conversation += 1);
  specimen = false;
  write("bytes-what", connection.compressed ? "inflated" : "payloads");
  if (welcome.epoch !== tape.epoch || welcome.seq < tape.seq) {
    const instruments = await listed(base);
    if (current !== conversation || connection.state !== "live") return;
    if (!instruments) return connection.drop("no list of instruments");
    board.build(instruments);
    write("epoch", welcome.epoch);
  }
  const near = welcome.epoch === tape.epoch && (welcome.seq - tape.seq) * welcome.step_ms <= RESUME_MS;
  const since = near ? `${tape.epoch}:${tape.seq}` : "";
  const goesOn = interest.restart(board.symbols, welcome.limits.symbols, since);
  if (!goesOn) Object.assign(tape, { epoch: welcome.epoch, seq: welcome.seq });
  acks.restart();
  follow();
}

/** Show what the filter lets through, and subscribe to that alone. */
function follow() {
  const shown = board.filter(filter.value.trim());
  write("count", `${shown.length} of ${board.symbols.length} instruments`);
  byId("empty").hidden = shown.length > 0;
  interest.want(shown);
}

/** @param {import("./messages.js").Subscriptions} subscriptions */
function showChannels(subscriptions) {
  for (const channel of CHANNELS) byId("rows").classList.toggle(`no-${channel.replace(".", "-")}`, !subscriptions[channel]);
  byId("books").hidden = !subscriptions.book;
}

function showFigures() {
  const nowMs = performance.now();
  const ticksRate = rates.ticks.sample(nowMs);
  const bytesRate = rates.bytes.sample(nowMs);
  write("seq", tape.seq ? count(tape.seq) : NOTHING);
  write("ticks-rate", count(Math.round(ticksRate)));
  write("messages-rate", count(Math.round(rates.messages.sample(nowMs))));
  write("bytes-rate", bytes(Math.round(bytesRate)));
  write("bytes-each", ticksRate > 0 ? `${Math.round(bytesRate / ticksRate)} B a tick` : "");
  write("missed", count(board.missed));
  const { proved, wrong } = board.books;
  write("books", `books proved ${count(proved)} times, wrong ${count(wrong)}`);
  byId("books").classList.toggle("wrong", wrong > 0);
  acks.remind();
}

function upgradeAgain() {
  connection.hangUp();
  connection.dial();
}

/** Only a new connection can speak another language: that is agreed upon in the handshake. */
function speak() {
  const packed = /** @type {HTMLInputElement} */ (byId("packed")).checked;
  connection.subprotocol = packed ? "ticker.v1.packed" : "ticker.v1.json";
  document.body.dataset.language = packed ? "packed" : "json";
  if (connection.state !== "closed") upgradeAgain();
}

let typing = 0;
filter.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(follow, TYPING_MS);
});
for (const button of document.querySelectorAll("[data-channel]")) {
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    interest.switch(/** @type {Channel} */ (button.getAttribute("data-channel")), on);
  });
}
byId("ping").addEventListener("click", () => {
  Object.assign(ping, { id: interest.nextId(), atMs: performance.now() });
  connection.send({ op: "ping", ts: Date.now() * 1000, id: ping.id });
});
for (const choice of document.querySelectorAll("[name=language]")) choice.addEventListener("change", speak);
byId("switch").addEventListener("click", () => {
  if (connection.state === "closed") connection.dial();
  else connection.hangUp();
});

/** @type {HTMLDetailsElement} */ (byId("talk")).open = matchMedia("(min-width: 64rem)").matches;
setInterval(showFigures, FIGURES_MS);
new Views({
  transports: async (section) => new (await import("./lanes/lanes.js")).Lanes(section, base),
  upgrade: async (section) => new (await import("./upgrade/upgrade.js")).Upgrade(section, record, upgradeAgain),
  lesson: async (section) => new (await import("./lesson/lesson.js")).Lesson(section, base),
});
connection.dial();
