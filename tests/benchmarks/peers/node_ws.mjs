// Node and npm ws: one ws.send a tick a subscriber. usage: node node_ws.mjs [--port N] [--deflate]
//
// With --deflate, perMessageDeflate as its defaults are, but for the threshold: at its 1 KiB no tick would be compressed.
import { createRequire } from "node:module";

const require = createRequire(new URL("../.peers/", import.meta.url)); // where the harness installs it
const { WebSocketServer } = require("ws");

const INSTRUMENTS = 10;
const STEP_MS = 10;

const port = Number(process.argv[process.argv.indexOf("--port") + 1]) || 0;
const perMessageDeflate = process.argv.includes("--deflate") && { threshold: 0 };
const subscribers = new Map();
const server = new WebSocketServer({ host: "127.0.0.1", port, perMessageDeflate });

function subscribe(socket, symbol) {
  if (!subscribers.has(symbol)) subscribers.set(symbol, new Set());
  subscribers.get(symbol).add(socket);
}

server.on("connection", (socket) => {
  let symbols = [];
  socket.on("message", (text) => {
    symbols = JSON.parse(text).symbols;
    for (const symbol of symbols) subscribe(socket, symbol);
    socket.send('{"type":"subscribed"}');
  });
  socket.on("error", () => socket.terminate());
  socket.on("close", () => {
    for (const symbol of symbols) subscribers.get(symbol).delete(socket);
  });
});

let n = 0;
let due = Date.now() + STEP_MS;

function tick(instrument, now, ts) {
  const sym = `SYM${String(instrument).padStart(4, "0")}`;
  const px = Math.round(10000 + Math.random() * 10000) / 100;
  return { ch: "trade", sym, n, t: now, px, sz: 100 + (n % 9) * 100, side: n % 2 ? "buy" : "sell", ts };
}

// A timer of ours that aims at the schedule: setInterval would drift and deliver less than was asked for.
function step() {
  const scheduled = due * 1000;
  n += 1;
  for (let i = 0; i < INSTRUMENTS; i++) {
    const message = tick(i, scheduled, scheduled);
    const text = JSON.stringify(message);
    for (const socket of subscribers.get(message.sym) ?? []) socket.send(text);
  }
  due += STEP_MS;
  setTimeout(step, due - Date.now());
}

setTimeout(step, STEP_MS);
server.on("listening", () => console.log(`ws://127.0.0.1:${server.address().port}/`));
