"""The only room that holds a client's transport: door, outlet, websocket, rest, page."""
