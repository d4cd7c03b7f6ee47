/** The first WebSocket client of every lesson. The page shows this function's own source, so that it runs what it shows. */

/** @param {(what: string) => void} say @param {URL} address @returns {WebSocket} */
export function hello(say, address = new URL("hello", location.href)) {
  address.protocol = address.protocol.replace("http", "ws");

  const socket = new WebSocket(address);
  socket.onopen = () => say("open");
  socket.onmessage = (event) => say(`server: ${event.data}`);
  socket.onclose = (event) => say(`closed, code ${event.code}`);
  return socket; // and then: socket.send("Hello"), socket.close()
}
