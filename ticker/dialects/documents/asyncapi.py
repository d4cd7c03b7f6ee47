"""The WebSocket conversation as a document (AsyncAPI 3.0.0, https://www.asyncapi.com/docs/reference/specification/v3.0.0).

An operation is named from the server's side, as AsyncAPI has it: the server receives a `subscribe`, and sends `ticks`.
"""

from typing import Any

from msgspec import Struct

from ticker import __version__
from ticker.dialects import native, packed
from ticker.dialects.documents.examples import example
from ticker.dialects.documents.layout import LAYOUT
from ticker.dialects.documents.schemas import CODES, CONVERSATION, schemas, sentences, table
from ticker.errors import Close
from ticker.session import messages as say
from ticker.session.requests import StreamQuery

STREAM, HELLO = "/v1/stream", "/hello"
MESSAGES: tuple[type[Struct], ...] = (*say.AnyClientMessage.__args__, *say.AnyServerMessage.__args__)
ANSWERS: dict[type[say.ClientMessage], tuple[type[say.ServerMessage], ...]] = {
    say.Subscribe: (say.Subscribed, say.Error),
    say.Unsubscribe: (say.Unsubscribed, say.Error),
    say.ListSubscriptions: (say.Subscriptions,),
    say.Window: (say.WindowGranted,),
    say.Ack: (say.Error,),
    say.Ping: (say.Pong,),
    say.Authenticate: (say.Authenticated, say.Error),
}
"""Which message may be answered by which; an `ack` that is right is not answered at all."""

CLOSES = {
    Close.NORMAL: "the client said goodbye",
    Close.GOING_AWAY: "the server stops: come back",
    Close.PROTOCOL_ERROR: "a frame that breaks RFC 6455",
    Close.INVALID_DATA: "text that is not UTF-8, or one message after another that is not JSON",
    Close.POLICY: "more pings and pongs than `limits.control_per_s`",
    Close.TOO_BIG: "a message larger than `limits.message_bytes`, or in too many fragments",
    Close.INTERNAL_ERROR: "a fault of the server's",
    Close.TOKEN_EXPIRED: "your token has expired, or permits something else now: come back with a fresh one",
    Close.SLOW_READER: "`on_lag: close`, and the tape no longer reaches back to where this client was, or its window "
    "stayed shut: come back",
    Close.TRY_LATER: "the server is full: come back later",
    Close.RATE_LIMITED: "more messages, acks or bytes than `limits` allow, and on after the warning: come back later",
    Close.UNAUTHORIZED: "no token, a wrong one, or one that was taken back: do not come back before you have another",
    Close.FORBIDDEN: "you may not: do not come back",
    Close.TOO_MANY_ERRORS: "more messages that had to be refused than `limits.errors`: do not come back, mend it",
}

SECURITY = {
    "header": {"type": "http", "scheme": "bearer", "description": "In the handshake."},
    "query": {"type": "httpApiKey", "in": "query", "name": "token", "description": "In the handshake."},
}
"""Ways to say who one is besides an `auth` message, which is no scheme of AsyncAPI's."""

RULES = """\
A market is simulated in **steps**. What happened in a step is a **batch** with a **position** `epoch:seq`: `seq` counts
the steps of the tape named `epoch`. Equal positions mean equal ticks, over every transport and for every client.

Both ends may speak at any moment. A client's message is a JSON object with an `op`, and may carry an `id`; the answer
carries it too. A server's message is a JSON object with a `type`. Ignore fields you do not know: more may come.

## Order, loss, slowness

1. The `seq` of `ticks` messages strictly rises. One message may carry several steps; `seq` and `ts` are then
   those of the last.
2. Nothing is lost while the tape still holds what you have not had. No queue is kept for you: a slow client is a
   position further back, and catches up from there in larger messages.
3. Off the tape's end, you are told by `lag` and go on with snapshots and the present (`on_lag: skip`), or are closed
   with 4008 (`close`).
4. `n` counts the ticks of a symbol on a channel without a hole: you can check all of this.
5. `subscribe` with `from` sends all that matches after that position, then goes on live: no hole, no repeat, no race;
   then comes `recovered`. Resume before you subscribe to anything else: positions of one conversation only rise.
6. With a `window`, so many `ticks` messages at most are sent ahead of your acks. `ack` is cumulative: everything up to
   a position has been processed; one beyond what was sent is `bad_ack`. A window that stays shut is dealt with as
   `on_lag` says: a `lag` and snapshots (it stays shut, and is looked at again), or 4008.
7. With `pace: latest` you get the newest tick of each symbol and channel, `rate_hz` messages a second at most; a `lag`
   (reason `pace`) says how many were merged into newer ones. The last `subscribe` that names a `pace` or a `rate_hz`
   decides for the whole conversation.
8. Answers and control messages overtake ticks. An `error` refuses one message; the conversation goes on.
9. The welcome's `limits` say what is borne: so many messages, acks and bytes a second, and so many at once. What is
   more is refused with `rate_limited`, and may be said again after `retry_after_s`; who goes on all the same is closed
   with 4029. A message that is refused for another reason counts as an error: of these `limits.errors` are borne, and
   one is forgiven a minute. What is not JSON is borne three times.

## Who you are

Where the welcome says `auth_required`, send `auth` with a token before anything else: it has to come within seconds,
and one guess is all there is (4501). Or open the connection with `Authorization: Bearer`, or with `token=` in the
query. `authenticated` says what you may have. `*` stands for all of that, in what you ask for and in what you are
answered; what you name and may not have is `forbidden`, and the rest is still subscribed. A fresh `auth` in time goes
on where the one before would end (4005).

## Channels

Within a step ticks stand channel by channel in this order: `status`, `quotes`, `book`, `trades`, `bars.1s`, `bars.1m`,
`stats`. Quotes and book are those that the trades of the step met; bars and statistics have those trades in them.

- `book`: ten levels a side. A tick sets the size of one level; size 0 deletes it, also when better ones have pushed it
  out. A snapshot shows all levels, asks, then bids, best first, all with the newest `n`; its first is `fresh`: forget
  the levels you had. So is what `pace: latest` sends. A book without levels is shown as one of size 0.
- `crc`, on the last tick of a step and symbol, is the CRC-32 (as of zlib) of the book as you have it then, in this
  text: ten asks, then ten bids, best first, of each eight lower-case hexadecimal digits of the price in units of
  `tick_size` and eight of the size, sixteen zeros for a level that is not there.
- `bars.1s`, `bars.1m`: `t` is when the bar opened; a trade at its very end belongs to the next. A finished bar
  (`done`) comes once, in the step that reaches its end; a running one now and then, where there were trades. There is
  no bar without a trade.
- `stats`: of the trading day, at most once a second and symbol, where there were trades.
- `status`: what a symbol's trading is in, and why. What is made to happen is told when it is due, whatever comes of
  it: a `fat_finger` (then without `ref`) or `quote_stuffing` of a symbol that does not trade takes place, and is told
  again, when its trading goes on.
- At the close, `quotes` and `book` tell once what the last trades have left. That stands until the next pre-open, which
  begins with an empty book.
"""


def document(host: str, *, secure: bool = False, asks: bool = False) -> dict[str, Any]:
    """Return the document of a server that is reached at a host (and port), over TLS or not; `asks`: for tokens."""
    return {
        "asyncapi": "3.0.0",
        "info": _info(),
        "defaultContentType": "application/json",
        "servers": servers(host, secure=secure, asks=asks),
        "channels": {"stream": _stream(), "hello": _hello()},
        "operations": {**_asked(), "tell": _told(), "receiveHello": _greeting()},
        "components": {
            "messages": {**{_name(kind): _message(kind) for kind in MESSAGES}, "packed": _packed()},
            "schemas": {**schemas(MESSAGES), "Packed": {"type": "string", "format": "binary"}},
            **({"securitySchemes": SECURITY} if asks else {}),
        },
    }


def servers(host: str, *, secure: bool = False, asks: bool = False) -> dict[str, Any]:
    """Return the part of the document that depends on whom the client called."""
    here: dict[str, Any] = {
        "host": host,
        "protocol": "wss" if secure else "ws",
        "description": "The server that gave you this.",
    }
    if asks:
        here["security"] = [{"$ref": f"#/components/securitySchemes/{name}"} for name in SECURITY]
    return {"here": here}


def _info() -> dict[str, Any]:
    errors = table(("code", "meaning"), [(f"`{code}`", CODES[code]) for code in CONVERSATION])
    closes = table(("code", "meaning"), [(int(code), meaning) for code, meaning in CLOSES.items()])
    after = "4000 to 4499 ask you to come back, 4500 to 4999 not to. `closing` comes first where the server can say it."
    return {
        "title": "Ticker, the conversation",
        "version": __version__,
        "description": f"{RULES}\n## Errors\n\n{errors}\n\n## Close codes\n\n{closes}\n\n{after}",
        "license": {"name": "MIT", "url": "https://spdx.org/licenses/MIT.html"},
        "tags": [{"name": "market data", "description": "Simulated: nothing here is real."}],
    }


def _stream() -> dict[str, Any]:
    query = schemas([StreamQuery])["StreamQuery"]["properties"]
    return {
        "address": STREAM,
        "title": "The conversation",
        "description": f"Subprotocol `{native.SUBPROTOCOL}`, which is also spoken where none is named, or "
        f"`{packed.SUBPROTOCOL}`, whichever the client names first. With that, `instruments` follows the welcome, and "
        "`ticks` and `snapshot` come packed, in binary messages; all else is the same.",
        "messages": {
            name: {"$ref": f"#/components/messages/{name}"} for name in [*(_name(kind) for kind in MESSAGES), "packed"]
        },
        "bindings": {
            "ws": {
                "method": "GET",
                "query": {"type": "object", "properties": query},
                "bindingVersion": "0.1.0",
            }
        },
    }


def _hello() -> dict[str, Any]:
    return {
        "address": HELLO,
        "title": "The first server of every WebSocket lesson",
        "description": "It logs what it is sent, text or binary, and answers `Thanks` to every message.",
        "messages": {
            "anything": {
                "summary": "Whatever you like.",
                "contentType": "text/plain",
                "payload": {"type": "string"},
                "examples": [{"name": "hello", "payload": "Hello, server"}],
            },
            "thanks": {
                "summary": "The answer to everything.",
                "contentType": "text/plain",
                "payload": {"type": "string", "const": "Thanks"},
                "examples": [{"name": "thanks", "payload": "Thanks"}],
            },
        },
        "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
    }


def _asked() -> dict[str, Any]:
    """Return an operation for everything a client says, with what it is answered."""
    return {
        f"receive{_title(kind)}": {
            "action": "receive",
            "channel": {"$ref": "#/channels/stream"},
            "summary": sentences(kind).partition("\n")[0],
            "messages": [_on("stream", _name(kind))],
            "reply": {
                "channel": {"$ref": "#/channels/stream"},
                "messages": [_on("stream", _name(answer)) for answer in answers],
            },
        }
        for kind, answers in ANSWERS.items()
    }


def _told() -> dict[str, Any]:
    answers = {answer for kinds in ANSWERS.values() for answer in kinds} - {say.Error}
    unasked = [kind for kind in say.AnyServerMessage.__args__ if kind not in answers]
    return {
        "action": "send",
        "channel": {"$ref": "#/channels/stream"},
        "summary": "What the server says of its own accord.",
        "messages": [_on("stream", name) for name in [*(_name(kind) for kind in unasked), "packed"]],
    }


def _greeting() -> dict[str, Any]:
    return {
        "action": "receive",
        "channel": {"$ref": "#/channels/hello"},
        "summary": "Say something, be thanked.",
        "messages": [_on("hello", "anything")],
        "reply": {"channel": {"$ref": "#/channels/hello"}, "messages": [_on("hello", "thanks")]},
    }


def _message(kind: type[Struct]) -> dict[str, Any]:
    summary, _, more = sentences(kind).partition("\n\n")
    known: dict[str, Any] = {"description": more} if more else {}
    if issubclass(kind, say.ClientMessage | say.Answer):
        known["correlationId"] = {"location": "$message.payload#/id", "description": "An answer repeats it."}
    return {
        "name": str(kind.__struct_config__.tag),
        "title": _title(kind),
        "summary": summary,
        **known,
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
        "examples": [{"name": str(kind.__struct_config__.tag), "payload": example(kind)}],
    }


def _packed() -> dict[str, Any]:
    return {
        "name": "packed",
        "title": "Packed ticks or snapshot",
        "summary": "Ticks as columns of fixed width, in a binary message.",
        "description": LAYOUT,
        "contentType": "application/octet-stream",
        "payload": {"$ref": "#/components/schemas/Packed"},
        "examples": [],
    }


def _on(channel: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/channels/{channel}/messages/{name}"}


def _name(kind: type[Struct]) -> str:
    """Return what a message is called here: its tag, unless both ends use that."""
    return "windowGranted" if kind is say.WindowGranted else str(kind.__struct_config__.tag)


def _title(kind: type[Struct]) -> str:
    return str(kind.__name__) if kind is say.WindowGranted else _name(kind).capitalize()
