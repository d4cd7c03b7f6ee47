"""The contrast of short poll, long poll, server-sent events and WebSocket, measured: `ticker compare`."""
