// Bun's own server (uWebSockets inside), native topics: one server.publish a tick.
// usage: bun bun.js [--port N] [--instruments N] [--step-ms N]
const argument = (name, otherwise) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const INSTRUMENTS = argument("--instruments", 10);
const STEP_MS = argument("--step-ms", 10);

const port = argument("--port", 0);
const server = Bun.serve({
  hostname: "127.0.0.1",
  port,
  fetch: (request, server) =>
    server.upgrade(request) ? undefined : new Response("a WebSocket is served here", { status: 426 }),
  websocket: {
    perMessageDeflate: false,
    message(socket, text) {
      for (const symbol of JSON.parse(text).symbols) socket.subscribe(symbol);
      socket.send('{"type":"subscribed"}');
    },
  },
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
    server.publish(message.sym, JSON.stringify(message));
  }
  due += STEP_MS;
  setTimeout(step, due - Date.now());
}

setTimeout(step, STEP_MS);
console.log(`ws://127.0.0.1:${server.port}/`);
