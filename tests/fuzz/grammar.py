"""What hypothesis makes inputs of, by target: mostly well formed, with odd things in odd places."""

import json
import struct
from typing import Any

from hypothesis import strategies as st

from ticker.session.messages import AnyClientMessage
from ticker.ticks import CHANNELS, REASONS, STATES
from ticker.wire import packed

PART = b"\n---\n"
SYMBOLS = ["SYM0000", "SYM0001", "*", "NOPE", "", "sym0000", "../x", "A\r\nB", "\x00", "ü", "A" * 300]

odd_numbers = st.sampled_from(
    [0, -1, 1, 2, 2**31, 2**31 + 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**100, 0.5, -0.0, 1e308, 5e-324]
)
odd_words = st.sampled_from(
    ["", "every", "latest", "skip", "close", "trades", "book", "x" * 5000, "\ud800", "\x7f", "\U0001d518"]
)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | odd_numbers | st.integers() | st.floats() | odd_words | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=6,
)


def spelled(value: Any) -> bytes:
    return json.dumps(value).encode()


def parts(part: st.SearchStrategy[bytes], most: int = 5) -> st.SearchStrategy[bytes]:
    return st.lists(part, min_size=1, max_size=most).map(PART.join)


# Messages of a client.

symbol_lists = st.lists(st.sampled_from(SYMBOLS), max_size=4)
channel_lists = st.lists(st.sampled_from([*CHANNELS, "nope", ""]), max_size=3)
positions = st.builds(
    "{}:{}".format,
    st.sampled_from(["epoch", "", "x:y", "other"]),
    st.sampled_from(["0", "3", "4", "50", "100", "101", "-1", "1e3", "", "9" * 40, "²"]),
) | st.sampled_from(["", ":", "epoch", "epoch:", "epoch:٣"])
fields = {
    "id": values,
    "symbols": symbol_lists | values,
    "channels": channel_lists | values,
    "pace": st.sampled_from(["every", "latest"]) | values,
    "rate_hz": st.floats(0.1, 200) | values,
    "snapshot": st.booleans() | values,
    "from": positions | values,
    "on_lag": st.sampled_from(["skip", "close"]) | values,
    "subscriptions": st.dictionaries(st.sampled_from([*CHANNELS, "nope"]), symbol_lists, max_size=3) | values,
    "size": st.integers(0, 20) | values,
    "seq": st.integers(0, 110) | values,
    "ts": values,
    "nope": values,
}
ops = st.sampled_from([*(kind.__struct_config__.tag for kind in AnyClientMessage.__args__), "auth", "nope"])
commands = st.builds(
    lambda op, given: {"op": op, **given},
    ops | values,
    st.dictionaries(st.sampled_from(list(fields)), st.none(), max_size=4).flatmap(
        lambda names: st.fixed_dictionaries({name: fields[str(name)] for name in names})
    ),
).map(spelled)
odd_json = st.sampled_from(
    [
        *(b"", b"null", b"[]", b"[" * 2000, b'{"op":' * 1500, b"{}{}", b'{"op":"list"},', b"\xff", b'{"op":"\xff"}'),
        *(b'{"op":"list","id":1e400}', b'{"op":"ping","ts":NaN}', b'{"op":"list","op":"ping"}', b"\xef\xbb\xbf{}"),
    ]
)
messages = parts(commands | odd_json | values.map(spelled))

# Frames of a client.


def frame(opcode: int, payload: bytes, fin: bool = True, mask: bytes = b"mask", bits: int = 0) -> bytes:
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    else:
        length = struct.pack("!BH", 0xFE, size) if size < 1 << 16 else struct.pack("!BQ", 0xFF, size)
    head = bytes([fin << 7 | bits << 4 | opcode])
    return head + length + mask + bytes(byte ^ mask[number % 4] for number, byte in enumerate(payload))


payloads = commands | st.text(max_size=60).map(str.encode) | st.binary(max_size=140) | st.just(bytes(17_000))
masks = st.binary(min_size=4, max_size=4)
closes = st.builds(lambda code, reason: code.to_bytes(2, "big") + reason, st.integers(0, 65535), st.binary(max_size=20))
one_frame = st.one_of(
    st.builds(frame, st.sampled_from([1, 2]), payloads, st.just(True), masks),
    st.builds(frame, st.sampled_from([0, 1, 2]), payloads, st.booleans(), masks),
    st.builds(frame, st.sampled_from([9, 10]), st.binary(max_size=20), st.just(True), masks),
    st.builds(frame, st.just(8), closes | st.just(b""), st.just(True), masks),
    st.builds(frame, st.integers(0, 15), st.binary(max_size=130), st.booleans(), masks, st.integers(0, 7)),
    st.binary(max_size=12),
    st.sampled_from([b"\x81\x05hello", b"\x81\xff" + b"\x7f" * 8 + b"mask", b"\x81\xfe\x00\x01maskx"]),
)
frames = st.builds(
    lambda way, found: bytes([way]) + b"".join(found), st.integers(0, 255), st.lists(one_frame, max_size=8)
)

# Requests.

PATHS = ["/", "/v1/stream", "/hello", "/v1/instruments", "/v1/instruments/SYM0001", "/v1/instruments/%00", "/v1/ticks"]
PATHS += ["/v1/snapshot", "/v1/sse", "/v1/bars", "/healthz", "/readyz", "/metrics", "/asyncapi.json", "/openapi.json"]
PATHS += ["/docs", "/favicon.ico", "/nope", "*", "http://localhost/healthz", "//", "/%2e%2e/x", "/admin/state"]
PATHS += [f"/admin/{name}" for name in ("pause", "resume", "speed", "step", "run", "incidents", "checkpoint")]
PARAMETERS = ["symbols", "channels", "since", "limit", "wait", "from", "pace", "rate_hz", "symbol", "interval", "x"]
VALUES = ["*", "SYM0000", "SYM0000,NOPE", "trades", "trades,book", "0", "1", "-1", "1e3", "NaN", "inf", "", "%00", "%"]
VALUES += ["1m", "latest", "%0d%0aX:%20y", "9" * 30, "a" * 9000, "x:0", "true", "%C3%BC", "%ff"]
HEADERS = ["Accept", "If-None-Match", "Last-Event-ID", "Origin", "Connection", "Upgrade", "Content-Type", "Host"]
HEADERS += ["Expect", "Transfer-Encoding", "Content-Length", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Range"]
HEADERS += ["Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Authorization", "Sec-Fetch-Site", "X-Forwarded-For"]
HELD = ["application/json", "text/html", "*", '"x"', "close", "keep-alive, Upgrade", "websocket", "localhost", "13"]
HELD += [
    "dGhlIHNhbXBsZSBub25jZQ==",
    "100-continue",
    "chunked",
    "5",
    "-1",
    "",
    "null",
    "http://evil.example",
    "a" * 9000,
]
HELD += [
    "ticker.v1.packed",
    "permessage-deflate; server_max_window_bits=8",
    "Bearer x",
    "cross-site",
    "\xff\xfe",
    "[::1",
]

queries = st.lists(st.tuples(st.sampled_from(PARAMETERS), st.sampled_from(VALUES)), max_size=4).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)
)
headers = st.lists(st.tuples(st.sampled_from(HEADERS), st.sampled_from(HELD)), max_size=4)
bodies = st.dictionaries(
    st.sampled_from(["speed", "steps", "until", "kind", "symbols", "sectors", "value", "duration_s", "at", "x"]),
    st.sampled_from(["halt", "shock", "freeze", "regime", "90s", "2026-01-05T14:45:00Z", ["*"], ["SYM0000"]]) | values,
    max_size=4,
).map(spelled) | st.binary(max_size=40)
methods = st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "POST", "OPTIONS", "PUT", "DELETE", "TRACE"])


def request(method: str, path: str, query: str, given: list[tuple[str, str]], body: bytes, whole: bool) -> bytes:
    target = f"{path}?{query}" if query else path
    lines = [f"{method} {target} HTTP/1.1", *([] if ("Host", "") in given else ["Host: localhost"])]
    lines += [f"{name}: {value}" for name, value in given]
    if whole and method == "POST":
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body if method == "POST" else b"")


one_request = st.builds(request, methods, st.sampled_from(PATHS), queries, headers, bodies, st.booleans())
endpoints = parts(one_request, 3)
door = parts(st.lists(one_request | st.binary(max_size=60) | one_frame, min_size=1, max_size=4).map(b"".join), 4)

# Heads.

OCTETS = [
    b" ",
    b"\t",
    b"\r",
    b"\n",
    b"\x00",
    b"\x0b",
    b"\x7f",
    b"\x80",
    b"\xff",
    b":",
    b",",
    b";",
    b'"',
    b"\\",
    b"#",
    b"?",
]
TARGETS = [
    b"/readyz",
    b"/nope",
    b"/v1/instruments?x=1",
    b"http://localhost/readyz",
    b"*",
    b"readyz",
    b"",
    b"/a b",
    b"/%zz",
]
octets = st.sampled_from(OCTETS) | st.binary(max_size=2)
names = st.sampled_from([name.encode() for name in HEADERS]) | st.binary(min_size=1, max_size=3)
held = st.builds(
    lambda value, odd, place: value[:place] + odd + value[place:],
    st.sampled_from([text.encode("latin-1") for text in HELD if len(text) < 100]),
    st.just(b"") | st.just(b"") | octets,
    st.integers(0, 12),
)
fields_of_a_head = st.builds(
    lambda name, colon, value, end: name + colon + value + end,
    names,
    st.sampled_from([b": ", b": ", b":", b": \t", b" : ", b"\t: ", b""]),
    held,
    st.sampled_from([b"\r\n"] * 6 + [b"\n", b"\r\n ", b"\r", b" \t\r\n"]),
)
heads = st.builds(
    lambda begin, method, space, target, version, end, found: b"".join(
        [begin, method, space, target, space, version, end, b"Host: localhost\r\n", *found, b"\r\n"]
    ),
    st.sampled_from([b""] * 5 + [b"\r\n", b"\n", b" "]),
    st.sampled_from([b"GET", b"GET", b"GET", b"HEAD", b"POST", b"get", b"OPTIONS", b"G\x00T", b"BREW"]),
    st.sampled_from([b" "] * 5 + [b"  ", b"\t"]),
    st.builds(bytes.__add__, st.sampled_from(TARGETS), st.just(b"") | octets),
    st.sampled_from([b"HTTP/1.1"] * 5 + [b"HTTP/1.0", b"HTTP/1.2", b"http/1.1", b"HTTP/1.1 ", b"HTTP/01.1", b""]),
    st.sampled_from([b"\r\n"] * 5 + [b"\n", b"\r\r\n"]),
    st.lists(fields_of_a_head, max_size=4),
)

# What a server may say to a client.

prices = st.integers(1, 10**6).map(lambda cents: cents / 100)
counts = st.integers(0, 1000)
words = st.sampled_from(["every", "latest", "skip", "x"])
real_symbols = st.lists(st.sampled_from(["SYM0000", "SYM0001", "NOPE"]), max_size=3)
tables = st.dictionaries(st.sampled_from([*CHANNELS, "nope"]), real_symbols | st.just(["*"]), max_size=3)
TICKS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "trade": {"px": prices, "sz": counts, "side": st.sampled_from(["buy", "sell"])},
    "quote": {"bid": prices, "bsz": counts, "ask": prices, "asz": counts},
    "book": {
        "side": st.sampled_from(["bid", "ask"]),
        "px": prices,
        "sz": counts,
        "crc": counts,
        "fresh": st.booleans(),
    },
    "bar.1s": {**dict.fromkeys(("open", "high", "low", "close", "vwap"), prices), "done": st.booleans()}
    | dict.fromkeys(("volume", "trades"), counts),
    "stats": dict.fromkeys(("open", "high", "low", "last", "previous", "vwap", "change", "change_pct"), prices)
    | dict.fromkeys(("volume", "trades"), counts),
    "status": {"state": st.sampled_from(STATES), "reason": st.sampled_from(REASONS), "px": prices, "ref": counts},
}
odd = odd_numbers | values


def but_for(fixed: dict[str, Any], changes: dict[str, Any], missing: str) -> dict[str, Any]:
    """Return a document with some fields changed and one gone."""
    return {name: value for name, value in {**fixed, **changes}.items() if name != missing}


def nearly(kind: dict[str, st.SearchStrategy[Any]], wrong: int = 1) -> st.SearchStrategy[dict[str, Any]]:
    """Return documents of a kind, in some of which something is not as it should be."""
    names = st.sampled_from(list(kind))
    return st.builds(
        but_for,
        st.fixed_dictionaries(kind),
        st.dictionaries(names, odd, max_size=wrong) | st.just({}),
        names | st.just(""),
    ) | st.fixed_dictionaries(kind)


ticks = st.sampled_from(list(TICKS)).flatmap(
    lambda tag: nearly(
        {
            "ch": st.just(tag),
            "sym": st.sampled_from(["SYM0000", "SYM0001", "NOPE"]),
            "n": counts,
            "t": counts,
            **TICKS[tag],
        }
    )
)
data = st.lists(ticks, max_size=3)
ids = st.integers(1, 4) | st.sampled_from(["restore", "window"])
placed = {"seq": counts, "id": ids, "subscriptions": tables}
SAID: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "welcome": dict.fromkeys(("server", "version", "protocol"), words)
    | {"epoch": st.sampled_from(["epoch", "other", "a b", "a\r\nX: y", "ü"]), "seq": counts, "step_ms": prices}
    | {"seed": counts, "sim": st.just(True), "instruments": counts, "heartbeat_s": prices}
    | {"limits": st.dictionaries(st.sampled_from(["message_bytes", "x"]), prices), "auth_required": st.booleans()},
    "ticks": {"seq": counts, "ts": counts, "data": data},
    "snapshot": {"seq": counts, "channel": st.sampled_from(CHANNELS), "data": data},
    "subscribed": placed
    | {
        "channels": st.lists(st.sampled_from(CHANNELS)),
        "symbols": real_symbols,
        "pace": words,
        "snapshot": st.booleans(),
    }
    | {"on_lag": words, "rate_hz": prices},
    "unsubscribed": placed,
    "subscriptions": placed,
    "window": {"size": counts, "id": ids},
    "pong": {"ts": counts, "server_ts": counts, "id": ids},
    "error": {"id": ids, "code": st.sampled_from(["gone", "bad_position", "unknown_symbol"]), "message": words}
    | {"details": st.dictionaries(st.sampled_from(["symbols", "oldest"]), values, max_size=2)},
    "lag": {"from": counts, "to": counts, "dropped": counts, "conflated": counts}
    | {"reason": st.sampled_from(["slow_reader", "window", "pace"])},
    "recovered": {"from": positions, "to": positions, "complete": st.booleans()},
    "instruments": {"symbols": real_symbols, "tick_sizes": st.lists(prices, max_size=3)}
    | {"decimals": st.lists(st.integers(0, 4) | odd_numbers, max_size=3)},
    "heartbeat": {"seq": counts, "ts": counts, "sent": counts},
    "closing": {"code": counts, "reason": words, "reconnect_after_s": prices},
}
server_messages = st.sampled_from(list(SAID)).flatmap(
    lambda kind: nearly(SAID[kind]).map(lambda found: spelled({"type": kind, **found}))
)
SNAPSHOT = {"epoch": st.just("epoch"), "seq": counts, "data": data}
POLL = {"epoch": st.just("epoch"), "seq": counts}
POLL |= {"batches": st.lists(nearly(SAID["ticks"]).map(lambda found: {"type": "ticks", **found}), max_size=2)}
PROBLEM = {
    "status": counts,
    "code": st.sampled_from(["gone", "unknown_symbol", "x"]),
    "detail": words,
    "symbols": values,
}
INSTRUMENT = {"symbol": st.sampled_from(["SYM0000", "SYM0001"]), "name": words, "sector": words, "tick_size": prices}
INSTRUMENT |= {"decimals": st.integers(0, 4), "lot": counts}
LISTED = {"instruments": st.lists(nearly(INSTRUMENT), max_size=3)}
answers = st.one_of(*(nearly(kind).map(spelled) for kind in (SNAPSHOT, POLL, POLL, PROBLEM, LISTED)))
shown = nearly(SNAPSHOT).map(spelled)
WELCOME = spelled(
    {"type": "welcome", "server": "t", "version": "0", "protocol": "ticker.v1.json", "epoch": "epoch", "seq": 5}
    | {
        "step_ms": 10.0,
        "seed": 1,
        "sim": True,
        "instruments": 4,
        "limits": {},
        "heartbeat_s": 10,
        "auth_required": False,
    }
)
SERVICE = spelled(json.loads(WELCOME) | {"stream": "/v1/stream", "events": "/v1/sse", "channels": [], "paths": []})
packed_heads = st.builds(
    lambda kind, version, sections, seq, rest: struct.pack("<BBHIQq", kind, version, sections, 0, seq, 0) + rest,
    st.sampled_from([1, 2, 3]),
    st.sampled_from([1, 1, 1, 2]),
    st.integers(0, 3),
    st.integers(0, 200) | st.just(2**53),
    st.builds(
        lambda code, count, body: struct.pack("<B3sI", code, b"\0\0\0", count) + body,
        st.integers(0, 8),
        st.integers(0, 3) | st.just(2**32 - 1),
        st.binary(max_size=200),
    )
    | st.binary(max_size=40),
)


@st.composite
def packed_messages(draw: st.DrawFn) -> bytes:
    """Return a message with the right sizes and any values."""
    channels = sorted(draw(st.sets(st.sampled_from(CHANNELS), max_size=3)), key=CHANNELS.index)
    body = b""
    for channel in channels:
        count = draw(st.integers(0, 3))
        widths = packed._WIDTHS[channel]
        body += struct.pack("<B3sI", CHANNELS.index(channel) + 1, b"\0\0\0", count)
        for number, width in enumerate(widths):
            small = draw(st.booleans()) or number < 2
            values = [
                draw(st.integers(0, 1) if small or width == 1 else st.integers(0, 2 ** (8 * width) - 1))
                for _ in range(count)
            ]
            column = b"".join(value.to_bytes(width, "little") for value in values)
            body += column + bytes(-len(column) % 8)
    return (
        struct.pack("<BBHIQq", draw(st.sampled_from([1, 2])), 1, len(channels), 0, draw(st.integers(1, 200)), 0) + body
    )


packed_bytes = packed_messages() | packed_heads
WAYS = [
    "ws",
    "ws arrays",
    "ws listing",
    "ws packed",
    "ws packed arrays",
    "sse",
    "long-poll",
    "short-poll",
    "short-poll arrays",
    "sse listing",
]
events = st.builds(
    lambda kind, event_id, data: b"event: %b\nid: %b\ndata: %b\n\n" % (kind, event_id, data),
    st.sampled_from([b"ticks", b"snapshot", b"recovered", b"lag", b"x"]),
    positions.map(lambda text: text.encode(errors="replace")),
    server_messages,
)
many_events = st.lists(events, max_size=4).map(b"".join)


def told(way: str, found: list[bytes], plain: list[bytes]) -> bytes:
    opening = [WELCOME] if way.startswith("ws") else [SERVICE]
    return way.encode() + b"\n" + PART.join([*opening, *(found if way.startswith("ws") else plain)])


client = st.one_of(
    st.builds(
        told,
        st.sampled_from(WAYS),
        st.lists(server_messages | packed_bytes | values.map(spelled), max_size=5),
        st.builds(lambda first, rest: [first, *rest], shown, st.lists(answers | many_events | shown, max_size=5)),
    ),
    st.builds(
        lambda way, data: way + b"\n" + data,
        st.sampled_from([b"ws raw", b"ws head", b"sse raw"]),
        st.binary(max_size=80),
    ),
)

wire = st.builds(
    bytes.__add__, st.sampled_from([b"p", b"d", b"s"]), packed_bytes | st.binary(max_size=60)
) | events.map(lambda data: b"e" + data)
FILE_WORDS = [
    "[server]",
    "[market]",
    "port = ",
    "[[incident]]",
    'kind = "halt"',
    "at = ",
    '"90s"',
    "1e999",
    "nan",
    "[",
    "]",
]
FILE_WORDS += [
    "[universe]",
    "[sectors]",
    '"',
    "\n",
    "=",
    "true",
    "2026-01-01",
    "25:00",
    "time,price,size",
    ",",
    "-1",
    "9" * 40,
]
FILE_WORDS += [
    "[[phases]]",
    'name = "x"',
    "clients = 1",
    "seconds = 1",
    "\r",
    "\x00",
    "symbol = ",
    "tick = ",
    '"0.01"',
    "\ufeff",
]
FILE_KINDS = ["config", "universe", "scenario", "scenario-json", "plan", "csv", "tape", "checkpoint"]
files = st.builds(
    lambda kind, words, tail: f"{kind}\n{' '.join(words)}".encode() + tail,
    st.sampled_from(FILE_KINDS),
    st.lists(st.sampled_from(FILE_WORDS), max_size=12),
    st.binary(max_size=20) | values.map(spelled),
)
