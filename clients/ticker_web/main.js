/** The page: brings the two conversations, the watch list, the focus, the panel and the sections together. */

import { hash, here } from "./address.js";
import { sleep, waitMs } from "./client/backoff.js";
import { connect } from "./client/client.js";
import { listed } from "./client/transports/once.js";
import { Control } from "./control/control.js";
import { Focus } from "./focus/focus.js";
import { METER } from "./meter.js";
import { Record } from "./upgrade/record.js";
import { offer, token } from "./token.js";
import { Views } from "./views.js";
import { WatchList } from "./watch/watch_list.js";
import { OriginWatch } from "./wire/origin.js";
import { Panel } from "./wire/panel.js";
import { Wire } from "./wire/wire.js";

/** @import {State} from "./client/conversation.js" */
/** @import {Channel, Instrument} from "./client/messages.js" */
/** @import {Encoding, Transport} from "./client/options.js" */
/** @import {Event} from "./client/transports/exchange.js" */

/** @type {Channel[]} */
const LIST_CHANNELS = ["quotes", "stats", "status"];
/** @type {Channel[]} */
const FOCUS_CHANNELS = ["trades", "quotes", "book", "bars.1s", "bars.1m", "stats", "status"];
const LIST_HZ = 8;
const SPELLED_MAX = 200; // symbols: whoever wants more is sent all, which is said in one word
const EVERYTHING = ["*"];
/** From good to bad. @type {State[]} */
const RANKS = ["live", "connecting", "closed", "reconnecting"];

/** @param {string} id @returns {HTMLElement} */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
/** @param {string} name @returns {HTMLElement} */
const view = (name) => /** @type {HTMLElement} */ (document.querySelector(`[data-view=${name}]`));
/** @param {string} id @param {string} words */
const write = (id, words) => void (byId(id).textContent = words);

const base = new URL(".", location.href);
const who = token ? { token } : {};
const record = new Record();
const watch = new WatchList(byId("watch"), { onChoose, onShown });
const list = connect(base, { name: "list", tap, meter: METER, window: 0, ...who });
const focus = connect(base, { name: "focus", tap, meter: METER, window: 0, handshake: true, ...who });
/** What each conversation does. @type {{list: {state: State, why: string}, focus: {state: State, why: string}}} */
const doing = { list: { state: "connecting", why: "" }, focus: { state: "connecting", why: "" } };
/** Of the focus. */
let epoch = "";
/** @type {Instrument | null} */
let chosen = null;
let lagged = 0; // ticks that the server dropped for us, and said so
let beginnings = 0;
let followed = false; // the list's tape has been found
/** What came for rows that are about to be built. @type {(() => void)[] | null} */
let held = null;

const panel = new Panel(byId("panel"), { onSwitch, onDrop, onLanguage });
const origin = new OriginWatch(base, onOrigin);
const closeUp = new Focus(byId("focus"), { base, onDoubt: () => focus.renew("book") });
const wire = new Wire(view("wire"), { conversations: () => [focus, list] });
const views = new Views({
  market: async () => ({ open: () => closeUp.open(), close: () => closeUp.close() }),
  wire: async () => wire,
  controls: async (section) => new Control(section, { base }),
  transports: async (section) => new (await import("./lanes/lanes.js")).Lanes(section, base),
  upgrade: async (section) => new (await import("./upgrade/upgrade.js")).Upgrade(section, record, () => focus.drop()),
  lesson: async (section) => new (await import("./lesson/lesson.js")).Lesson(section, base),
});

/** Begin with an empty list, and again where the tape is another one or has been started anew. */
async function begin() {
  const current = (beginnings += 1);
  held ??= [];
  for (let tries = 0; ; tries += 1) {
    const instruments = await listed(base, token);
    if (current !== beginnings) return;
    if (instruments) return build(instruments);
    await sleep(waitMs(tries, null), new AbortController().signal);
  }
}

/** @param {Instrument[]} instruments */
function build(instruments) {
  watch.build(instruments);
  watch.choose(chosen?.symbol || here().symbol);
  const due = held ?? [];
  held = null;
  for (const act of due) act();
}

/** @param {() => void} act */
function onListed(act) {
  if (held) held.push(act);
  else act();
}

/** The list is on another tape: its rows know nothing of it. */
function onListTape() {
  if (followed) void begin();
  followed = true;
}

/** @param {string[]} symbols @param {boolean} all */
function onShown(symbols, all) {
  const wanted = all || symbols.length > SPELLED_MAX ? EVERYTHING : symbols;
  list.want(wanted, { channels: LIST_CHANNELS, pace: "latest", rateHz: LIST_HZ });
}

/** @param {Instrument} instrument */
function onChoose(instrument) {
  if (JSON.stringify(instrument) === JSON.stringify(chosen)) return; // the list was built again
  const { symbol } = instrument;
  const { section, symbol: before } = here();
  if (before !== symbol && chosen) history.replaceState(null, "", hash(section || "market", symbol));
  chosen = instrument;
  views.carry(symbol);
  closeUp.choose(instrument);
  focus.want([symbol], { channels: FOCUS_CHANNELS });
}

/** The focus is on another tape. @param {string} name */
function onFocusTape(name) {
  if (epoch && chosen) closeUp.choose(chosen);
  epoch = name;
}

/** @param {"list" | "focus"} conversation @param {State} state @param {string} why */
function onState(conversation, state, why) {
  if (conversation === "focus") closeUp.live(state === "live");
  if (conversation === "list" && state === "live") void origin.look();
  if (conversation === "list" && why.includes("unknown_symbol")) void begin(); // another universe
  document.body.dataset[conversation] = state;
  doing[conversation] = { state, why };
  const worst = RANKS.indexOf(doing.list.state) > RANKS.indexOf(doing.focus.state) ? doing.list : doing.focus;
  document.body.dataset.state = worst.state;
  write("state", worst.state);
  write("why", worst.why);
  byId("why").title = worst.why;
}

/** @param {string} said @param {boolean} stale */
function onOrigin(said, stale) {
  write("source", said);
  byId("source").classList.toggle("stale", stale);
}

/** @param {Transport} transport */
function onSwitch(transport) {
  for (const one of [focus, list]) one.switchTo(transport);
}

function onDrop() {
  for (const one of [focus, list]) one.drop();
}

/** @param {Encoding} language */
function onLanguage(language) {
  for (const one of [focus, list]) one.speak(language);
}

/** Everything that goes either way. @param {Event} event */
function tap(event) {
  panel.tap(event);
  wire.tap(event);
  if (event.conversation !== "focus" || event.way === "note" || !event.decoded) return;
  const message = /** @type {any} */ (event.decoded);
  if (event.kind === "welcome") record.restart();
  if (event.kind === "heartbeat") panel.position(epoch, message.seq); // nothing happens, and the tape goes on
  if (event.way === "sent") record.sent(message, event.bytes);
  else record.received(message, event.bytes, event.frame ?? null);
}

/** @param {number} nowMs */
function paint(nowMs) {
  requestAnimationFrame(paint);
  watch.paint(nowMs);
  const { section } = document.body.dataset;
  if (section === "market") closeUp.paint(nowMs);
  if (section === "wire") wire.paint(nowMs);
  panel.missed(closeUp.missed + lagged);
  panel.paint(nowMs);
}

list.on("message", ({ type, data }) => onListed(() => (type === "ticks" ? watch.take(data) : watch.reset(data))));
list.on("state", (state, why) => onState("list", state, why));
list.on("tape", onListTape);
focus.on("message", ({ type, data, seq }) => {
  if (type === "snapshot") return closeUp.reset(data);
  closeUp.take(data);
  panel.position(epoch, seq);
});
focus.on("state", (state, why) => onState("focus", state, why));
focus.on("tape", onFocusTape);
focus.on("lag", ({ dropped }) => void (lagged += dropped));
addEventListener("hashchange", () => {
  const { symbol } = here();
  if (symbol && chosen) watch.choose(symbol);
});
requestAnimationFrame(paint);
void begin();
void offer(/** @type {HTMLFormElement} */ (byId("who")), base);
if (await Control.available(base)) views.offer("controls");
