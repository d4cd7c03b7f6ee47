"""Binance Spot WebSocket Streams (https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams)."""
