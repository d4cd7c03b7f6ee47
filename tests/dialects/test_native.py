"""The native dialect: what is understood, what is refused and how, and ticks that any JSON reader reads."""

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from ticker import universes
from ticker.config import MarketConfig
from ticker.dialects import native
from ticker.dialects.native import NativeDialect
from ticker.errors import HTTP_STATUS, Close, Refusal, Violation
from ticker.instruments import Instrument, Universe
from ticker.market.market import Market
from ticker.session.messages import (
    KINDS,
    Ack,
    AnyClientMessage,
    AnyServerMessage,
    Closing,
    Error,
    Heartbeat,
    Lag,
    ListSubscriptions,
    Ping,
    Pong,
    Quote,
    Snapshot,
    Subscribe,
    Subscribed,
    Ticks,
    Trade,
    Unsubscribe,
    Window,
)
from ticker.ticks import (
    ASK,
    BARS_1M,
    BARS_1S,
    BID,
    BOOK,
    BUY,
    CHANNELS,
    DTYPES,
    NO_CRC,
    QUOTES,
    REASONS,
    SELL,
    STATES,
    STATS,
    STATUS,
    TRADES,
    Rows,
)

SEQ_MAX = 2**53 - 1
CHANNEL_OF = {str(kind.__struct_config__.tag): channel for channel, kind in KINDS.items()}

# What is said, and what it is taken to mean.

texts = st.text(st.characters(codec="utf-8"), max_size=20)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
anything = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda t: st.lists(t, max_size=3) | st.dictionaries(texts, t, max_size=3),
)
ids = st.just(UNSET) | st.text(st.characters(codec="utf-8"), max_size=128) | st.integers(-(2**53), 2**53)
names = st.lists(texts, max_size=4)
messages: st.SearchStrategy[AnyClientMessage] = st.one_of(
    st.builds(
        Subscribe,
        id=ids,
        symbols=names,
        channels=names,
        snapshot=st.just(UNSET) | st.booleans(),
        on_lag=st.sampled_from(["skip", "close"]),
    ),
    st.builds(Unsubscribe, id=ids, symbols=names, channels=names),
    st.builds(ListSubscriptions, id=ids),
    st.builds(Ack, id=ids, seq=st.integers(0, SEQ_MAX)),
    st.builds(Ping, id=ids, ts=st.just(UNSET) | anything),
)


@given(messages)
@settings(deadline=None, max_examples=200)
def test_what_a_client_spells_the_server_reads(message: AnyClientMessage) -> None:
    assert native.parse(native.command(message)) == message
    assert native.parse(native.command(message).decode()) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"op":"subscribe","symbols":["AAA"]}', Subscribe(symbols=["AAA"], channels=[TRADES])),
        (
            '{"op":"subscribe","symbols":["*"],"channels":["quotes"],"pace":"every","snapshot":false,"on_lag":"close"}',
            Subscribe(symbols=["*"], channels=[QUOTES], pace="every", snapshot=False, on_lag="close"),
        ),
        ('{"op":"unsubscribe","symbols":["AAA"]}', Unsubscribe(symbols=["AAA"], channels=[TRADES])),
        (
            '{"op":"subscribe","symbols":["AAA"],"pace":"latest","rate_hz":2.5}',
            Subscribe(symbols=["AAA"], channels=[TRADES], pace="latest", rate_hz=2.5),
        ),
        ('{"op":"list"}', ListSubscriptions()),
        ('{"op":"window","size":64}', Window(size=64)),
        ('{"op":"ack","seq":0}', Ack(seq=0)),
        ('{"op":"ack","seq":9007199254740991}', Ack(seq=SEQ_MAX)),
        ('{"op":"ack","seq":-0}', Ack(seq=0)),
        ('{"op":"ping"}', Ping()),
        ('{"op":"ping","ts":null}', Ping(ts=None)),
        ('{"op":"ping","ts":{"a":[1.5]},"id":"x"}', Ping(ts={"a": [1.5]}, id="x")),
        ('{"id":-9007199254740992,"op":"ping"}', Ping(id=-(2**53))),
        (' \r\n\t{ "op" : "ping" } \n' + " " * 10_000, Ping()),
        ('{"\\u006fp":"\\u0070ing"}', Ping()),
        ('{"op":"ack","seq":1,"seq":2}', Ack(seq=2)),  # the last of two wins, as in JavaScript
        ('{"op":"subscribe","symbols":["\\u0000\\r\\n\\ud83d\\ude00"]}', Subscribe(symbols=["\0\r\n\U0001f600"])),
    ],
)
def test_every_op_is_understood(text: str, message: AnyClientMessage) -> None:
    assert native.parse(text) == native.parse(text.encode()) == native.parse(bytearray(text.encode())) == message


def refused(data: bytes | str) -> Refusal:
    """Return the refusal of a message, which can be spelled."""
    with pytest.raises(Refusal) as raised:
        native.parse(data)
    error = native.read(native.refusal(raised.value, None))
    assert isinstance(error, Error)
    assert error.code in HTTP_STATUS
    assert 0 < len(error.message) < 200
    return raised.value


@pytest.mark.parametrize(
    "data",
    [
        # J1 and J2: nothing, or not all of it
        *["", " \r\n", "{", '{"op"', '{"op":', '{"op":"ping"', '{"op":"ack","seq":1', '{"op":"ping","ts":"\\'],
        # J3: more than one document, and what other languages would let pass
        *[
            '{"op":"ping"}x',
            '{"op":"ping"}{"op":"ping"}',
            '{"op":"ping"},',
            '{"op":"ping",}',
            "{'op':'ping'}",
            "{op:1}",
        ],
        *['{"op":"ping"/**/}', '{"op":"ping"}//', "nan", '{"op":"ping","ts":NaN}', '{"op":"ping","ts":Infinity}'],
        *['{"op":"ping","ts":-Infinity}', '{"op":"ping","ts":undefined}', '{"op":"ping","ts":True}'],
        *[
            f'{{"op":"ack","seq":{number}}}'
            for number in ("0x1", "+1", "01", ".5", "5.", "1e", "1_0", "--1", "1,", "-")
        ],
        # J4: bytes of another kind
        *[b'\xef\xbb\xbf{"op":"ping"}', '{"op":"ping"}'.encode("utf-16-le"), '{"op":"ping"}'.encode("utf-32-le")],
        *[b'{"op":"ping"}\0', b'\0{"op":"ping"}', b'{"op":"pi\0ng"}', b'{"op":"pi\nng"}'],
        *['{"op":"ping","ts":"\\ud800"}', '{"op":"ping","id":"\\ud800x"}', '{"op":"ping","ts":"\\udc00\\ud800"}'],
        # J5: too deep
        *["[" * 100_000, '{"a":' * 100_000, '{"op":"ping","x":' + '{"a":' * 8_000],
        # J10 and J11: numbers that are none
        *['{"op":"ping","ts":1e400}', '{"op":"ping","ts":' + "9" * 5_000 + "}"],
    ],
    ids=lambda data: repr(data[:40]),
)
def test_what_is_not_json_is_bad_json(data: bytes | str) -> None:
    assert refused(data).code == "bad_json"


def test_a_message_cut_off_anywhere_is_bad_json() -> None:
    whole = native.command(Subscribe(id=7, symbols=["AAA", "\u00e9"], channels=[TRADES], snapshot=True))
    for size in range(len(whole)):
        with pytest.raises((Refusal, Violation)) as raised:
            native.parse(whole[:size])
        if isinstance(raised.value, Refusal):
            assert raised.value.code == "bad_json"


@pytest.mark.parametrize(
    "data",
    [
        b'{"op":"ping","ts":"\xff"}',
        b'{"op":"\xc0\xaf"}',
        b'{"op":"subscribe","symbols":["\xed\xa0\x80"]}',
        b'{"op":"ping","id":"\xe2\x82"}',
        b'"\xff"',
        b'{"\xff":1}',
        b'{"op":"list","more":"\xff"}',
        # and where it is no JSON either
        *[b"\xff", b"\x80\x80", b'{"op"\xff', b'{"op":"ping"}\xe9', b'{"\xe2\x82', bytes(range(256))],
        *['{"op":"ping"}'.encode("utf-16"), '{"op":"ping"}'.encode("utf-32")],
    ],
)
def test_text_that_is_not_utf_8_ends_the_conversation(data: bytes) -> None:
    with pytest.raises(Violation) as raised:
        native.parse(data)
    assert raised.value.close is Close.INVALID_DATA


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        # J1, J15, J17: JSON, but no object
        *[(text, "bad_request", None) for text in ("null", "true", "5", '"x"', "[]", '[{"op":"ping"}]')],
        ('"{\\"op\\":\\"ping\\"}"', "bad_request", None),
        # J7: ops
        ("{}", "bad_request", "op"),
        ('{"OP":"ping"}', "bad_request", "op"),
        *[(f'{{"op":{op}}}', "bad_request", "op") for op in ("5", "null", '["ping"]', '{"a":1}', "true")],
        *[(f'{{"op":"{op}"}}', "unknown_op", None) for op in ("", "PING", "ping ", "nope", "p\u0456ng", "x" * 10_000)],
        *[(f'{{"op":"{op}"}}', "unknown_op", None) for op in ("__proto__", "constructor", "__class__", "\\u0000")],
        # J8: fields that are too few, too many, or of another kind
        ('{"op":"ack"}', "bad_request", "seq"),
        ('{"op":"subscribe","subscriptions":["A"]}', "bad_request", "subscriptions"),
        ('{"op":"subscribe","subscriptions":{"trades":"A"}}', "bad_request", "subscriptions[...]"),
        ('{"op":"unsubscribe","channels":["trades"]}', "bad_request", "symbols"),
        ('{"op":"list","ts":1}', "bad_request", "ts"),
        ('{"op":"ack","seq":1,"__proto__":{}}', "bad_request", "__proto__"),
        ('{"op":"ack","seq":1,"Seq":1}', "bad_request", "Seq"),
        *[
            (f'{{"op":"subscribe","symbols":{v}}}', "bad_request", "symbols")
            for v in ('"AAA"', "{}", "null", "1", "true")
        ],
        ('{"op":"subscribe","symbols":["AAA",1]}', "bad_request", "symbols[1]"),
        ('{"op":"subscribe","symbols":[["AAA"]]}', "bad_request", "symbols[0]"),
        ('{"op":"subscribe","symbols":["AAA"],"channels":"trades"}', "bad_request", "channels"),
        ('{"op":"subscribe","symbols":["AAA"],"channels":[null]}', "bad_request", "channels[0]"),
        *[(f'{{"op":"subscribe","symbols":["A"],"snapshot":{v}}}', "bad_request", "snapshot") for v in ("1", '"true"')],
        *[(f'{{"op":"subscribe","symbols":["A"],"on_lag":{v}}}', "bad_request", "on_lag") for v in ('"die"', "null")],
        # S6 to S10: settings we do not have (yet)
        *[(f'{{"op":"subscribe","symbols":["A"],"pace":{v}}}', "bad_request", "pace") for v in ('"newest"', "1", '""')],
        *[
            (f'{{"op":"subscribe","symbols":["A"],"rate_hz":{v}}}', "bad_request", "rate_hz")
            for v in ("0", "-1", "1001", '"5"', "null", "true")
        ],
        ('{"op":"window"}', "bad_request", "size"),
        *[
            (f'{{"op":"window","size":{v}}}', "bad_request", "size")
            for v in ("-1", "1.5", "null", "true", '"5"', "9223372036854775807")
        ],
        *[(f'{{"op":"subscribe","symbols":["A"],"from":{v}}}', "bad_request", "from") for v in ("1", "null", "{}")],
        ('{"op":"subscribe","symbols":["A"],"rate_hz":0}', "bad_request", "rate_hz"),
        # J10 to J13, A2, A15: positions
        *[
            (f'{{"op":"ack","seq":{value}}}', "bad_request", "seq")
            for value in (
                *("-1", str(2**53), str(2**63), str(2**64), "9" * 100, "5.0", "1E5", "1.5", "5e-324", "0.1", "true"),
                *("null", '"5"', "[1]", "[]", '{"seq":1}', "-9223372036854775809"),
            )
        ],
        # J14: ids
        *[(f'{{"op":"ping","id":{value}}}', "bad_request", "id") for value in ("{}", "[]", "1.5", "true", "null")],
        (f'{{"op":"ping","id":"{"x" * 129}"}}', "bad_request", "id"),
        (f'{{"op":"ping","id":{2**53 + 1}}}', "bad_request", "id"),
        (f'{{"op":"ping","id":{-(2**53) - 1}}}', "bad_request", "id"),
    ],
)
def test_what_is_no_message_of_ours_is_refused_with_the_field_that_is_wrong(
    text: str, code: str, field: str | None
) -> None:
    refusal = refused(text)
    assert (refusal.code, refusal.details.get("field")) == (code, field)
    assert refusal.message.startswith(f"{field}: ") or field is None


def test_an_unknown_op_is_told_the_known_ones() -> None:
    known = ["ack", "auth", "list", "ping", "subscribe", "unsubscribe", "window"]
    assert refused('{"op":"nope"}').details["known"] == known


def spelled(document: object) -> str:
    """Return JSON, of the standard library's spelling."""
    return json.dumps(document)


@given(st.sampled_from(["subscribe", "unsubscribe", "list", "window", "ack", "ping"]), st.dictionaries(texts, anything))
@settings(deadline=None)
def test_no_json_object_makes_it_stumble(op: str, fields: dict[str, Any]) -> None:
    try:
        native.parse(spelled({"op": op, "symbols": ["AAA"], **fields}))
    except Refusal as refusal:
        assert refusal.code in ("bad_request", "unknown_op")
        assert native.read(native.refusal(refusal, None))


@given(st.binary(max_size=60))
@settings(deadline=None)
def test_no_bytes_make_it_stumble(data: bytes) -> None:
    with pytest.raises((Refusal, Violation)):
        native.parse(data)


@pytest.mark.parametrize("depth", [10, 100, 900, 980, 985, 990, 995, 1000, 1024, 1025, 8000])
def test_what_can_be_read_can_be_said_back(depth: int) -> None:
    data = '{"op":"ping","ts":' + "[" * depth + "]" * depth + "}"
    try:
        message = native.parse(data)
    except Refusal as refusal:
        assert refusal.code == "bad_json"
    else:
        assert isinstance(message, Ping)
        assert native.reply(Pong(ts=message.ts, server_ts=1)).count(b"[") == depth


# Whose answer it is.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"op":"nope","id":7}', 7),
        ('{"op":"nope","id":"seven"}', "seven"),
        ('{"op":"ack","id":"a","seq":"x"}', "a"),
        ('{"id":0}', 0),
        ('{"op":5,"id":""}', ""),
        ('{"op":"nope"}', UNSET),
        ('{"op":"nope","id":null}', UNSET),
        ('{"op":"nope","id":true}', UNSET),
        ('{"op":"nope","id":1.5}', UNSET),
        ('{"op":"nope","id":{"a":1}}', UNSET),
        (f'{{"op":"nope","id":"{"x" * 129}"}}', UNSET),
        ('{"op":"nope","id":7', UNSET),
    ],
)
def test_a_refusal_repeats_the_id_where_there_is_a_proper_one(text: str, expected: object) -> None:
    error = native.read(native.refusal(refused(text), None))
    assert isinstance(error, Error)
    assert error.id == expected
    assert not error.details or "id" not in error.details


def test_a_refusal_of_a_message_that_was_understood_repeats_its_id() -> None:
    refusal = Refusal("bad_ack", "never sent", seq=5, last=4)
    assert native.read(native.refusal(refusal, Ack(id="x", seq=5))) == Error(
        id="x", code="bad_ack", message="never sent", details={"seq": 5, "last": 4}
    )
    assert json.loads(native.refusal(Refusal("bad_json", "no"), None)) == {
        "type": "error",
        "code": "bad_json",
        "message": "no",
    }


@pytest.mark.parametrize(
    "message",
    [
        Pong(id=1, ts=None, server_ts=5),
        Pong(server_ts=5),
        Lag(from_=1, to=2, dropped=3, conflated=0, reason="slow_reader"),
        Heartbeat(seq=1, ts=2, sent=3),
        Closing(code=Close.SLOW_READER, reason="slow", reconnect_after_s=0.5),
        Closing(code=Close.FORBIDDEN, reason="no", reconnect_after_s=None),
        Subscribed(
            id="x",
            seq=1,
            channels=[TRADES],
            symbols=["*"],
            pace="every",
            snapshot=True,
            on_lag="skip",
            subscriptions={TRADES: ["*"]},
        ),
    ],
)
def test_what_the_server_spells_a_client_reads(message: AnyServerMessage) -> None:
    assert native.read(native.reply(message)) == message


def test_a_lag_is_spelled_as_the_protocol_says() -> None:
    spelled = json.loads(native.reply(Lag(from_=1, to=2, dropped=3, conflated=0, reason="slow_reader")))
    assert spelled == {"type": "lag", "from": 1, "to": 2, "dropped": 3, "conflated": 0, "reason": "slow_reader"}


@pytest.mark.parametrize("data", [b"", b"{}", b'{"type":"nope"}', b'{"type":"ticks"}', b'{"op":"ping"}', b"[]"])
def test_what_no_server_of_ours_says_is_not_read(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        native.read(data)


# Ticks.


def instrument(symbol: str, decimals: int, tick_units: int) -> Instrument:
    return Instrument(symbol, symbol, "Sector", decimals, tick_units, 1, 1000)


UNIVERSE = Universe(
    [instrument("AAA", 2, 1), instrument('NK\u00e9"\\', 0, 5), instrument("FX", 5, 1), instrument("B", 2, 25)]
)
DIALECT = NativeDialect(UNIVERSE)
BIG = 2**62

prices = st.integers(1, 10**12)
sizes = st.integers(1, 2**53)
places = st.integers(0, len(UNIVERSE) - 1)
trades = st.lists(st.tuples(places, sizes, sizes, prices, sizes, st.sampled_from([BUY, SELL])))
quotes = st.lists(st.tuples(places, sizes, sizes, prices, sizes, prices, sizes))


def as_rows(channel: str, rows: list[tuple[int, ...]]) -> Rows:
    return np.array(rows, DTYPES[channel])


def price(instrument: int, price_ticks: int) -> float:
    listed = UNIVERSE[instrument]
    return float(price_ticks * listed.tick_units / 10**listed.decimals)


@given(trades)
@settings(deadline=None)
def test_trades_are_read_as_what_they_are(rows: list[tuple[int, ...]]) -> None:
    pieces = b"".join(DIALECT.render(TRADES, as_rows(TRADES, rows)))
    message = native.read(DIALECT.ticks(17, 1_700_000_000_000_000, pieces))
    assert message == Ticks(
        seq=17,
        ts=1_700_000_000_000_000,
        data=[
            Trade(sym=UNIVERSE[i].symbol, n=n, t=t, px=price(i, px), sz=sz, side="sell" if side else "buy")
            for i, n, t, px, sz, side in rows
        ],
    )


@given(quotes)
@settings(deadline=None)
def test_quotes_are_read_as_what_they_are(rows: list[tuple[int, ...]]) -> None:
    pieces = b"".join(DIALECT.render(QUOTES, as_rows(QUOTES, rows)))
    message = native.read(DIALECT.snapshot(17, QUOTES, pieces))
    assert message == Snapshot(
        seq=17,
        channel=QUOTES,
        data=[
            Quote(sym=UNIVERSE[i].symbol, n=n, t=t, bid=price(i, bid), bsz=bsz, ask=price(i, ask), asz=asz)
            for i, n, t, bid, bsz, ask, asz in rows
        ],
    )


def test_ticks_are_spelled_as_the_protocol_says() -> None:
    rows = {
        TRADES: as_rows(TRADES, [(0, 551, 1_700_000_000_123_456, 18_732, 100, BUY), (1, 1, 2, 3, 4, SELL)]),
        QUOTES: as_rows(QUOTES, [(0, 552, 1_700_000_000_123_456, 18_731, 300, 18_733, 200), (2, 1, 2, 1, 3, 2, 4)]),
        STATUS: as_rows(
            STATUS,
            [
                (0, 3, 5, STATES.index("halted"), REASONS.index("halt"), 0, 0, 0, 0),
                (0, 4, 6, STATES.index("trading"), REASONS.index("shock"), 0, 0, -50_000, 0),
                (0, 5, 7, STATES.index("trading"), REASONS.index("correction"), 18_000, 700, 1_500_000, 12),
            ],
        ),
        BOOK: as_rows(BOOK, [(0, 7, 5, ASK, 18_733, 0, NO_CRC, 0), (0, 8, 5, BID, 18_731, 300, 2**32 - 1, 0)]),
        BARS_1S: as_rows(BARS_1S, [(0, 9, 1_000_000, 300, 310, 299, 305, 300, 90_100, 4, 0)]),
        BARS_1M: as_rows(BARS_1M, [(1, 9, 0, 3, 4, 3, 4, 3, 10, 2, 1)]),
        STATS: as_rows(STATS, [(0, 2, 5, 300, 310, 299, 298, 299, 300, 90_100, 4), (2, 1, 5, 8, 9, 8, 9, 8, 0, 0, 0)]),
    }
    assert [piece.decode() for channel in CHANNELS for piece in DIALECT.render(channel, rows[channel])] == [
        '{"ch":"status","sym":"AAA","n":3,"t":5,"state":"halted","reason":"halt"},',
        '{"ch":"status","sym":"AAA","n":4,"t":6,"state":"trading","reason":"shock","value":-0.050000},',
        '{"ch":"status","sym":"AAA","n":5,"t":7,"state":"trading","reason":"correction","px":180.00,"sz":700,'
        '"value":1.500000,"ref":12},',
        '{"ch":"quote","sym":"AAA","n":552,"t":1700000000123456,"bid":187.31,"bsz":300,"ask":187.33,"asz":200},',
        '{"ch":"quote","sym":"FX","n":1,"t":2,"bid":0.00001,"bsz":3,"ask":0.00002,"asz":4},',
        '{"ch":"book","sym":"AAA","n":7,"t":5,"side":"ask","px":187.33,"sz":0},',
        '{"ch":"book","sym":"AAA","n":8,"t":5,"side":"bid","px":187.31,"sz":300,"crc":4294967295},',
        '{"ch":"trade","sym":"AAA","n":551,"t":1700000000123456,"px":187.32,"sz":100,"side":"buy"},',
        '{"ch":"trade","sym":"NK\u00e9\\"\\\\","n":1,"t":2,"px":15,"sz":4,"side":"sell"},',
        '{"ch":"bar.1s","sym":"AAA","n":9,"t":1000000,"open":3.00,"high":3.10,"low":2.99,"close":3.05,"volume":300,'
        '"vwap":3.003333,"trades":4,"done":false},',
        '{"ch":"bar.1m","sym":"NK\u00e9\\"\\\\","n":9,"t":0,"open":15,"high":20,"low":15,"close":20,"volume":3,'
        '"vwap":16.6667,"trades":2,"done":true},',
        '{"ch":"stats","sym":"AAA","n":2,"t":5,"open":3.00,"high":3.10,"low":2.99,"last":2.98,"previous":2.99,'
        '"volume":300,"vwap":3.003333,"trades":4,"change":-0.01,"change_pct":-0.3344},',
        '{"ch":"stats","sym":"FX","n":1,"t":5,"open":0.00008,"high":0.00009,"low":0.00008,"last":0.00009,'
        '"previous":0.00008,"volume":0,"vwap":null,"trades":0,"change":0.00001,"change_pct":12.5000},',
    ]


@given(places, st.integers(1, BIG))
@settings(deadline=None)
def test_a_price_has_at_most_its_decimals_and_no_exponent(place: int, price_ticks: int) -> None:
    [piece] = DIALECT.render(TRADES, as_rows(TRADES, [(place, 1, 1, price_ticks, 1, BUY)]))
    digits = piece.decode().partition('"px":')[2].partition(",")[0]
    whole, _, part = digits.partition(".")
    assert int(whole + part) == price_ticks * UNIVERSE[place].tick_units
    assert len(part) <= UNIVERSE[place].decimals


@given(places, st.integers(1, 10**9), st.integers(1, 10**9))
@settings(deadline=None)
def test_a_change_is_exact_and_in_percent_to_four_decimals(place: int, last: int, before: int) -> None:
    figures = {"last_ticks": last, "previous_ticks": before}
    row = tuple({"instrument": place, **figures}.get(name, 1) for name in DTYPES[STATS].names or ())
    [piece] = DIALECT.render(STATS, as_rows(STATS, [row]))
    said = json.loads(piece[:-1], parse_float=Decimal, parse_int=Decimal)
    assert said["change"] == said["last"] - said["previous"]
    exact = Fraction(last - before, before) * 100
    assert abs(Fraction(said["change_pct"]) - exact) * 20_000 <= 1


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_message_without_ticks_is_json_too(channel: str) -> None:
    assert orjson.loads(DIALECT.ticks(1, 2, b"")) == {"type": "ticks", "seq": 1, "ts": 2, "data": []}
    snapshot = {"type": "snapshot", "seq": 1, "channel": channel, "data": []}
    assert orjson.loads(DIALECT.snapshot(1, channel, b"")) == snapshot
    assert DIALECT.render(channel, np.zeros(0, DTYPES[channel])) == []


def test_a_whole_market_is_json() -> None:
    config = MarketConfig(model="plain", arrivals="every_step", quotes_per_s=100.0)
    market = Market(config, universes.load(config))
    dialect = NativeDialect(market.universe)
    for _ in range(20):
        batch = market.step()
        pieces = [piece for channel in CHANNELS for piece in dialect.render(channel, batch.rows[channel])]
        message = orjson.loads(dialect.ticks(batch.seq, 5, b"".join(pieces)))
        assert [(CHANNEL_OF[tick["ch"]], market.universe.find(tick["sym"]), tick["n"]) for tick in message["data"]] == [
            (channel, row["instrument"], row["n"]) for channel in CHANNELS for row in batch.rows[channel]
        ]
        assert msgspec.to_builtins(native.read(orjson.dumps(message))) == message
