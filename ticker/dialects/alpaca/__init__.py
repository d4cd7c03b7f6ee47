"""The Alpaca real-time market data stream, and the historical requests that its libraries make first.

docs.alpaca.markets: "WebSocket Stream", "Real-time Stock Data", "Real-time Crypto Data", "Historical API".

- `shapes` are the messages, field by field; `codec` writes them as JSON or MessagePack. What a number is, is one fact:
  JSON prints the exact decimal, MessagePack has the float nearest to it, and every `t` as its timestamp extension.
- `stocks` and `crypto` say what a row of the tape is in those shapes, `words` what they share; `dialect` frames it.
- `feeds` are the paths, what can be subscribed to on each, and which instruments; `subscriptions` what one client has.
- `talk` is one client's conversation, `credentials` who it is, `seats` who is connected with which key, `errors` what
  is refused, in which words.
- `rest` answers requests: `asking` is what one asks for, `shelf` what is newest, `pages` the past.

What our tape does not have is not made up: nothing is traded late, so a bar is updated only where a trade in it was
corrected or broken. Which of the two becomes of a trade that is taken back, the house decides (`venue.States`).
"""

from ticker.dialects.alpaca.venue import AlpacaVenue

VENUE = AlpacaVenue

__all__ = ["VENUE"]
