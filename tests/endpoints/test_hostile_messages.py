"""Messages, subscriptions and acknowledgements that make no sense: answered with what is wrong, and that is all.

The families are those of a catalogue: J1 to J17, S1 to S15, A1 to A15. Each message is followed by a ping: what comes
before its answer was the answer to the message.
"""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import pytest
from websockets.frames import Frame, Opcode

from conftest import RunningServer
from good_company import masked
from hostile import come_back, flood, goes_on, times
from plain_client import PlainClient, assert_no_hole
from plain_http import fetch, refused
from raw_http import body, exchange, get
from watched import Victim, position

LIMIT = 16 * 1024
A_CONNECTION = 15  # messages: more mistakes than that may be too many
UNASKED = {"welcome", "heartbeat", "ticks", "snapshot", "lag"}
NOTHING = ""  # where there is no answer
LARGE = "1009"  # where it is closed


class Case(NamedTuple):
    """Messages, and what each is answered with: the code of an error, or the type of an answer; any of these."""

    name: str
    sent: list[bytes]
    answers: set[str]


def case(name: str, answers: str | set[str], *sent: str | bytes) -> Case:
    said = [text.encode() if isinstance(text, str) else text for text in sent]
    return Case(name, said, {answers} if isinstance(answers, str) else answers)


def hear(server: RunningServer, messages: list[bytes]) -> Iterator[str]:
    """Say messages, and yield what each is answered with."""
    for start in range(0, len(messages), A_CONNECTION):
        with PlainClient(server.port) as client:
            for number, message in enumerate(messages[start : start + A_CONNECTION]):
                client.send_frames(Frame(Opcode.TEXT, message))
                yield answer(client, number)


def answer(client: PlainClient, number: int) -> str:
    """Return what was answered to the last message."""
    try:
        client.send({"op": "ping", "id": f"mark {number}"})
        came = client.read_until("pong", id=f"mark {number}")[:-1]
    except (AssertionError, BrokenPipeError, ConnectionResetError):
        assert client.ended
        return str(client.read_close())
    found = [message.get("code", message["type"]) for message in came if message["type"] not in UNASKED]
    return found[0] if found else NOTHING


def run(cases: Iterable[Case]) -> pytest.MarkDecorator:
    every = list(cases)
    return pytest.mark.parametrize("case", every, ids=[case.name for case in every])


def ack(seq: str) -> str:
    return f'{{"op":"ack","seq":{seq}}}'


def ping(ts: str) -> str:
    return f'{{"op":"ping","ts":{ts}}}'


def wanting(**fields: Any) -> str:
    return json.dumps({"op": "subscribe", "symbols": ["ACME"], **fields})


LIST = '{"op":"list"}'
WHOLE = wanting(channels=["trades"], snapshot=False, id="é")
WRONG: list[Any] = [None, True, -1, 1.5, 2**64, "x", "", [], [None], {}, {"a": 1}, [[]], "\0"]
FIELDS = {
    "subscribe": ["symbols", "channels", "subscriptions", "pace", "rate_hz", "snapshot", "from", "on_lag", "id"],
    "unsubscribe": ["symbols", "channels", "id"],
    "window": ["size", "id"],
    "ack": ["seq", "id"],
    "list": ["id", "op", "nothing"],
}
PLAIN: dict[str, Any] = {
    "subscribe": {"symbols": ["ACME"]},
    "unsubscribe": {"symbols": ["ACME"]},
    "window": {"size": 4},
}
MATRIX = [
    json.dumps({"op": op, **PLAIN.get(op, {}), field: value})
    for op, fields in FIELDS.items()
    for field in fields
    for value in WRONG
]
STRANGE = ["\r\n", "\0", "\u202e", "😀", "\x7f", "\u2028", "\ufeff", "\\", '"', "</script>", "\x1b[31m", "data:x\n\n"]

JSON = [
    case("J1 nothing", "bad_json", "", " ", "\r\n\t "),
    case("J1 no object", "bad_request", "null", "true", "5", '"x"', "[]", '[{"op":"list"}]', "-0", "1e5"),
    case("J2 cut anywhere", {"bad_json", "1007"}, *(WHOLE.encode()[:size] for size in range(1, len(WHOLE)))),
    case("J3 more than one", "bad_json", f"{LIST}x", LIST * 2, f"{LIST},", f"{LIST}\n{LIST}", f"{LIST};", f"{LIST}]"),
    case(
        "J3 commas and quotes",
        "bad_json",
        '{"op":"list",}',
        "{'op':'list'}",
        "{op:1}",
        '{,"op":"list"}',
        '{"op" "list"}',
    ),
    case("J3 comments", "bad_json", '{"op":"list"/**/}', f"{LIST}//", f"#\n{LIST}", f"/**/{LIST}"),
    case(
        "J3 no numbers",
        "bad_json",
        *(ack(text) for text in ("NaN", "Infinity", "-Infinity", "0x1", "+1", "01", ".5", "5.", "1_0")),
    ),
    case("J4 a mark", "bad_json", b"\xef\xbb\xbf" + LIST.encode()),
    case(
        "J4 wide",
        {"bad_json", "1007"},
        *(LIST.encode(name) for name in ("utf-16", "utf-16-le", "utf-32", "utf-32-be", "utf-7")),
    ),
    case(
        "J4 controls",
        "bad_json",
        f"{LIST}\0",
        f"\0{LIST}",
        '{"op":"li\0st"}',
        '{"op":"li\nst"}',
        '{"op":"\x1b"}',
        f"\x0c{LIST}",
    ),
    case("J4 no UTF-8", "1007", b'{"op":"\xff"}', b"\xff", b'{"op":"list"}\xc0\xaf', b'{"\xed\xa0\x80":1}'),
    case("J4 surrogates", "bad_json", ping('"\\ud800"'), ping('"\\udc00\\ud800"'), '{"op":"list","id":"\\ud83d"}'),
    case("J5 deep", {"bad_json", "bad_request"}, *("[" * depth + "]" * depth for depth in (100, 1024, 1025, 8000))),
    case("J5 deep and open", "bad_json", "[" * LIMIT, '{"a":' * 3000, '{"op":"ping","ts":' + "[" * 16_000),
    case(
        "J5 deep inside", {"pong", "bad_json"}, *(ping("[" * depth + "]" * depth) for depth in (100, 900, 1024, 8000))
    ),
    case("J5 100,000", LARGE, "[" * 100_000, '{"a":' * 100_000),
    case("J6 many keys", "bad_request", '{"op":"list",' + ",".join(f'"k{k}":1' for k in range(1400)) + "}"),
    case("J6 100,000", LARGE, '{"op":"list",' + ",".join(f'"k{k}":1' for k in range(100_000)) + "}"),
    case("J6 twice", {NOTHING, "bad_ack"}, '{"op":"ack","seq":0,"seq":0}', '{"op":"ack","seq":0,"seq":999999}'),
    case(
        "J6 op twice",
        {"subscriptions", "bad_request", "pong"},
        '{"op":"ping","op":"list"}',
        '{"op":"list","op":"list"}',
    ),
    case("J6 long key", "bad_request", '{"op":"list","' + "k" * 4096 + '":1}', '{"' + "k" * 4096 + '":1}'),
    case(
        "J6 of a language",
        "bad_request",
        *(f'{{"op":"list","{key}":{{}}}}' for key in ("__proto__", "constructor", "__class__", "")),
    ),
    case(
        "J7 unknown",
        "unknown_op",
        *(f'{{"op":"{op}"}}' for op in ("nope", "", "LIST", "List", " list", "l\u0456st", "list\\u0000", "x" * 9999)),
    ),
    case(
        "J7 none",
        "bad_request",
        "{}",
        '{"OP":"list"}',
        '{"id":1}',
        *(f'{{"op":{op}}}' for op in ("1", '["list"]', "null", "{}", "true")),
    ),
    case(
        "J8 every field",
        {
            "bad_request",
            "bad_position",
            "unknown_symbol",
            "unknown_channel",
            "not_subscribed",
            "bad_ack",
            "unknown_op",
            "subscribed",
            "subscriptions",
            "window",
        },
        *MATRIX,
    ),
    case("J9 strange strings", "unknown_symbol", *(wanting(symbols=[text]) for text in STRANGE)),
    case("J9 come back", "pong", *(ping(json.dumps(text)) for text in STRANGE)),
    case("J9 a megabyte", LARGE, ping('"' + "x" * 2**20 + '"')),
    case("J10 integers", "bad_request", *(ack(str(n)) for n in (-1, 2**53, 2**53 + 1, 2**63, 2**64, -(2**63), 10**99))),
    case("J10 not sent", "bad_ack", ack(str(2**31)), ack(str(2**53 - 1))),
    case("J10 nothing", NOTHING, ack("0"), ack("-0")),
    case(
        "J11 floats",
        {"bad_request", "bad_json"},
        *(ack(text) for text in ("1.5", "0.1", "5e-324", "1e400", "-1e400", "1e99999", "1E5")),
    ),
    case(
        "J11 whole floats",
        {"bad_request", NOTHING, "bad_ack"},
        ack("0.0"),
        ack("5.0"),
        ack("1e0"),
        '{"op":"window","size":4.0}',
    ),
    case(
        "J12 booleans",
        "bad_request",
        ack("true"),
        ack("false"),
        '{"op":"window","size":true}',
        wanting(pace="latest", rate_hz=True),
    ),
    case(
        "J13 numbers in strings",
        "bad_request",
        ack('"5"'),
        '{"op":"window","size":"4"}',
        wanting(pace="latest", rate_hz="5"),
    ),
    case(
        "J14 ids",
        "subscriptions",
        LIST,
        '{"op":"list","id":1}',
        '{"op":"list","id":1}',
        '{"op":"list","id":"' + "x" * 128 + '"}',
    ),
    case(
        "J14 none",
        "bad_request",
        *(
            f'{{"op":"list","id":{text}}}'
            for text in ("{}", "[]", "1.5", "true", "null", str(2**60), '"' + "x" * 10_000 + '"')
        ),
    ),
    case("J15 a string", "bad_request", json.dumps(LIST), json.dumps(json.dumps(LIST))),
    case("J16 padded", "subscriptions", LIST.ljust(LIMIT), LIST.rjust(LIMIT), "\n" * 9000 + LIST + "\t" * 7000),
    case("J16 more", LARGE, LIST.ljust(LIMIT + 1)),
    case("J17 a batch", "bad_request", f"[{','.join([LIST] * 1000)}]"),
    case("J17 a larger one", LARGE, f"[{','.join([LIST] * 2000)}]"),
]

SYMBOLS = [
    "",
    "A",
    "ACME" * 4,
    "ACME" * 4 + "A",
    "x" * 10_240,
    "acme",
    "ÄCME",
    "../ACME",
    ">",
    ".",
    "$JS.API.>",
    "AC ME",
    " ACME",
    "A\r\nB",
    "ACME*",
]
BY_TENS = [str(name) for name in range(1000)]
SUBSCRIBING = [
    case("S1 symbols that are none", "unknown_symbol", *(wanting(symbols=[symbol]) for symbol in SYMBOLS)),
    case(
        "S1 nor to be left",
        "unknown_symbol",
        *(json.dumps({"op": "unsubscribe", "symbols": [symbol]}) for symbol in SYMBOLS),
    ),
    case("S2 so many", "unknown_symbol", *(wanting(symbols=BY_TENS[:count]) for count in (1, 128, 129, 1000))),
    case("S2 too many", "too_many_symbols", wanting(symbols=["X"] * 1001), wanting(symbols=["ACME"] * 2000)),
    case("S2 far too many", LARGE, wanting(symbols=["ACME"] * 100_000)),
    case(
        "S2 duplicates",
        "subscribed",
        wanting(symbols=["ACME"] * 1000),
        wanting(symbols=["ACME", "ACME"], channels=["trades"] * 50),
    ),
    case("S3 twice", "subscribed", wanting(), wanting(), wanting(snapshot=False)),
    case("S3 left unasked", {"not_subscribed"}, *[json.dumps({"op": "unsubscribe", "symbols": ["ACME"]})] * 3),
    case(
        "S6 rates",
        {"bad_request", "bad_json"},
        *(
            f'{{"op":"subscribe","symbols":["ACME"],"pace":"latest","rate_hz":{rate}}}'
            for rate in ("0", "-1", "NaN", str(2**64), '"fast"', "1e308", "1e400", "-0.0")
        ),
    ),
    case("S6 small rates", "subscribed", wanting(pace="latest", rate_hz=5e-324), wanting(pace="latest", rate_hz=1e-9)),
    case(
        "S6 windows",
        "bad_request",
        *(
            f'{{"op":"window","size":{size}}}'
            for size in ("-1", "1.5", str(2**64), '"x"', "null", "[]", str(2**31 + 1))
        ),
    ),
    case(
        "S6 granted",
        "window",
        '{"op":"window","size":0}',
        '{"op":"window","size":1}',
        '{"op":"window","size":2147483648}',
        '{"op":"window","size":0}',
    ),
    case("S7 paces", "bad_request", *(wanting(pace=pace) for pace in ("newest", "", "EVERY", 1, None, ["latest"]))),
    case("S7 changed live", "subscribed", *(wanting(pace=pace) for pace in ("latest", "every", "latest", "every"))),
    case("S7 on_lag", "bad_request", *(wanting(on_lag=way) for way in ("die", "", "SKIP", 1, None))),
    case(
        "S8 other tapes",
        "bad_position",
        *(
            wanting(**{"from": place})
            for place in ("other:1", ":1", "", "1", "x", "EPOCH:", "EPOCH:-1", "EPOCH:1.5", "EPOCH:1e3")
        ),
    ),
    case("S8 no text", "bad_request", *(wanting(**{"from": place}) for place in (1, 1.5, None, {}, [], True))),
    case(
        "S8 no seq",
        "bad_position",
        *(
            wanting(**{"from": f"EPOCH:{seq}"})
            for seq in (2**53, 2**64, 10**30, "one", "+1", " 1", "\uff11", 99_999_999)
        ),
    ),
    case(
        "S14 everything",
        "subscribed",
        wanting(symbols=["*"]),
        wanting(symbols=["*", "*"]),
        wanting(symbols=["NOPE", "*"]),
    ),
    case("S14 too often", "too_many_symbols", wanting(symbols=["*"] * 1001)),
    case(
        "S14 too much",
        "bad_request",
        wanting(symbols=["*"], subscriptions={"trades": ["*"]}),
        wanting(symbols=[], subscriptions={}),
    ),
]

ACKS = [
    case("A1 before anything", NOTHING, ack("0"), ack("1")),
    case("A2 not sent", "bad_ack", ack(str(2**53 - 1)), ack("99999999")),
    case(
        "A2 none",
        "bad_request",
        *(ack(text) for text in (str(2**53), str(2**63), str(2**64), "-1", "1.5", "null", "true", '"5"', "{}")),
    ),
    case("A3 the same", NOTHING, *[ack("1")] * 15),
    case("A3 less and less", NOTHING, *(ack(str(seq)) for seq in range(5, -1, -1))),
    case(
        "A4 for a symbol",
        "bad_request",
        '{"op":"ack","seq":1,"sym":"ACME"}',
        '{"op":"ack","seq":1,"epoch":"x"}',
        ack('"other:1"'),
    ),
    case(
        "A15 lists", "bad_request", ack("[1,2]"), ack("[]"), '{"op":"ack","seqs":[1,2]}', '{"op":["ack","ack"],"seq":1}'
    ),
    case("A15 two in one", "bad_json", ack("1") * 2, f"{ack('1')}\n{ack('1')}", f"{ack('1')},{ack('1')}"),
]


@run(JSON + SUBSCRIBING + ACKS)
def test_messages(case: Case, watched: RunningServer) -> None:
    epoch = fetch(watched, "readyz")[0]["epoch"].encode()
    found = list(hear(watched, [message.replace(b"EPOCH", epoch) for message in case.sent]))
    borne = {"1007"} if "bad_json" in case.answers else set()  # one after the other is too much
    assert set(found) <= case.answers | borne and set(found) & case.answers, [
        pair for pair in zip(found, case.sent, strict=False) if pair[0] not in case.answers
    ]


# Not what is said, but when and how often.


def ask(client: PlainClient, *messages: dict[str, Any]) -> list[dict[str, Any]]:
    """Send messages in one packet and read until they have been obeyed."""
    client.send(*messages, {"op": "ping", "id": "obeyed"})
    return client.read_until("pong", id="obeyed")


def test_leaving_while_ticks_flow(watched: RunningServer) -> None:
    """S3: what is left says no more once that was answered."""
    with PlainClient(watched.port) as client:
        for _ in range(10):
            client.send({"op": "subscribe", "symbols": ["*"]})
            client.read_until("ticks")
            client.send({"op": "unsubscribe", "symbols": ["*"]})
            client.read_until("unsubscribed")
            assert "ticks" not in {message["type"] for message in client.read(0.05)}


def test_coming_and_going(watched: RunningServer) -> None:
    """S4: as fast as it goes; then it is subscribed or it is not."""
    both = masked(0x81, wanting(snapshot=False).encode()) + masked(0x81, b'{"op":"unsubscribe","symbols":["ACME"]}')
    with PlainClient(watched.port) as client:
        flood(client, both, times(500, 10_000))
        if goes_on(client):
            assert ask(client, {"op": "list", "id": 1})[-2]["subscriptions"] == {}
    come_back(watched)


def test_subscribing_and_hanging_up(watched: RunningServer) -> None:
    """S5: nobody is written to who has gone; who never reads an answer is cut off, or asks no more."""
    for _ in range(times(30, 1000)):
        with PlainClient(watched.port) as client:
            client.send({"op": "subscribe", "symbols": ["*"]})
    with PlainClient(watched.port, receive_buffer=4096) as client:
        with suppress(BrokenPipeError, ConnectionResetError):
            client.socket.sendall(masked(0x81, wanting().encode()) * times(2000, 10_000))
        goes_on(client)
    come_back(watched)


def place(watched: RunningServer, seq: int) -> str:
    return f"{fetch(watched, 'readyz')[0]['epoch']}:{seq}"


@pytest.fixture
def worn(watched: RunningServer) -> RunningServer:
    """A server whose tape no longer begins where it began: it keeps two seconds."""
    until = time.monotonic() + 20
    while refused_place(watched, 1) != "gone":
        assert time.monotonic() < until
        time.sleep(0.1)
    return watched


def refused_place(server: RunningServer, seq: int) -> str:
    """Return the code that a poll from a position is refused with."""
    answer = exchange(server, get(f"/v1/ticks?symbols=ACME&limit=1&since={place(server, seq)}", "Connection: close"))
    return str(body(answer).get("code", ""))


def test_positions_on_the_tape_and_off_it(worn: RunningServer) -> None:
    """S8: the last, the one after it, the beginning, and what is no longer kept."""
    here = position(worn)
    for seq, kind in ((here, "recovered"), (0, "recovered"), (1, "error"), (here + 1_000_000, "error")):
        with PlainClient(worn.port) as client:
            client.send({"op": "subscribe", "symbols": ["*"], "from": place(worn, seq)})
            messages = client.read_until(kind)
            found = next(message for message in messages if message["type"] == kind)
            if kind == "error":
                assert found["code"] == ("gone" if seq == 1 else "bad_position")
            else:
                assert found["complete"]
                assert assert_no_hole(messages + client.read(0.1)) > 0


def test_resuming_again_and_again(watched: RunningServer) -> None:
    """S9: on one connection positions only rise, so what was sent once is not sent a second time."""
    back = {"op": "subscribe", "symbols": ["*"], "from": place(watched, 0)}
    with PlainClient(watched.port) as client:
        client.send(back)
        messages = client.read_until("recovered")
        for _ in range(10):
            client.send(back)
            messages += client.read_until("error", code="bad_position")
        if goes_on(client):
            assert_no_hole(messages)
    come_back(watched)


@pytest.mark.parametrize("limit", ["-1", "0", "1001", "1000000000", "1.5", "x", ""])
def test_limits_of_history(watched: RunningServer, limit: str) -> None:
    """S10: so many at once, and from where it says."""
    status, problem = refused(watched, f"v1/ticks?symbols=ACME&limit={limit}")
    assert (status, problem["field"]) == (400, "limit")


@pytest.mark.parametrize("since", ["null", "", ":", "1", "E:-1", "E:1e9", "E:99999999", "E:99999999999999999"])
def test_pasts_that_are_none(watched: RunningServer, since: str) -> None:
    """S10: nor is there a past without a position."""
    tape = place(watched, 0).partition(":")[0]
    status, problem = refused(watched, f"v1/ticks?symbols=ACME&since={since.replace('E', tape)}")
    assert (status, problem["code"]) == (400, "bad_position")


def test_two_that_go_on_from_one_position(watched: RunningServer) -> None:
    """S11: a position is nobody's own: each has all after it."""
    back = {"op": "subscribe", "symbols": ["*"], "from": place(watched, position(watched))}
    with PlainClient(watched.port) as one, PlainClient(watched.port) as other:
        for client in (one, other):
            client.send(back)
        for client in (one, other):
            messages = client.read_until("recovered") + client.read(0.3)
            assert assert_no_hole(messages) > 0


def test_who_was_not_asked_to_say_who_it_is(watched: RunningServer) -> None:
    """S12: before and after, it may do what everybody may; tokens themselves are looked at elsewhere."""
    with PlainClient(watched.port) as client:
        for token in ("x", "", "x" * 10_000, None, 1):
            assert ask(client, {"op": "auth", "token": token})[-2]["type"] in ("error", "authenticated")
        assert goes_on(client)


def test_going_on_from_the_end_that_is_cut_off(worn: RunningServer) -> None:
    """S13: at the oldest position kept, all of it comes or it is said to be gone; never a part."""
    outcomes = set()
    for _ in range(times(20, 500)):
        with PlainClient(worn.port) as client:
            client.send({"op": "subscribe", "symbols": ["*"], "from": place(worn, 1)})
            oldest = int(client.read_until("error", code="gone")[-1]["details"]["oldest"].rpartition(":")[2])
            client.send({"op": "subscribe", "symbols": ["*"], "from": place(worn, oldest)})
            while True:
                found = client.read(0.0)
                kinds = {message["type"] for message in found} & {"error", "recovered"}
                if kinds:
                    break
            outcomes |= kinds
            if "recovered" in kinds:
                assert assert_no_hole(found + client.read(0.05)) >= 0
    assert outcomes <= {"error", "recovered"}


def test_subscribing_acknowledging_and_leaving_in_one_packet(watched: RunningServer) -> None:
    """S15: a close that is there already goes before what still would be answered; nothing is answered after it."""
    with PlainClient(watched.port) as client:
        client.send_frames(
            Frame(Opcode.TEXT, b'{"op":"window","size":1}'),
            Frame(Opcode.TEXT, wanting(symbols=["*"]).encode()),
            Frame(Opcode.TEXT, ack("1").encode()),
            Frame(Opcode.CLOSE, b"\x03\xe8"),
            Frame(Opcode.TEXT, LIST.encode()),
        )
        assert client.read_close() == 1000
        kinds = [json.loads(bytes(frame.data))["type"] for frame in client.frames if frame.opcode is Opcode.TEXT]
        assert kinds in (["welcome"], ["welcome", "window", "subscribed", "snapshot"])


def window(client: PlainClient, size: int) -> list[dict[str, Any]]:
    """Take a window, and what comes until it is full."""
    messages = ask(client, {"op": "window", "size": size}, {"op": "subscribe", "symbols": ["*"], "snapshot": False})
    while sum(message["type"] == "ticks" for message in messages) < size:
        messages += client.read()
    return messages


def last(messages: list[dict[str, Any]]) -> int:
    return max(int(message["seq"]) for message in messages if message["type"] == "ticks")


def test_acks_in_every_manner(watched: RunningServer) -> None:
    """A6, A8 and A9: none, one behind, each as it comes; a window of 1, one made smaller, one given up."""
    with PlainClient(watched.port) as client:
        messages = window(client, 4)
        assert "ticks" not in {message["type"] for message in client.read(0.2)}
        client.send({"op": "ack", "seq": last(messages) - 1})
        messages += client.read(0.2)
        assert_no_hole(messages)
        assert ask(client, {"op": "window", "size": 1})[-2]["size"] == 1
        assert "ticks" not in {message["type"] for message in client.read(0.1)}
        for _ in range(20):
            client.send({"op": "ack", "seq": last(messages)})
            messages += client.read_until("ticks")
        assert_no_hole(messages)
        messages += ask(client, {"op": "window", "size": 0})
        messages += client.read_until("ticks")
        assert_no_hole(messages)


def test_acks_of_what_was_merged(watched: RunningServer) -> None:
    """A5: an ack says up to where, whatever there was between."""
    with PlainClient(watched.port) as client:
        client.send({"op": "window", "size": 2}, {"op": "subscribe", "symbols": ["*"], "pace": "latest", "rate_hz": 20})
        messages = client.read_until("ticks")
        for _ in range(5):
            client.send({"op": "ack", "seq": last(messages)})
            messages += client.read_until("ticks")
        client.send({"op": "ack", "seq": last(messages) - 1}, {"op": "ack", "seq": last(messages)})
        assert not [message for message in ask(client, {"op": "ping"}) if message["type"] == "error"]


def test_no_credit_for_anything_but_ticks(watched: RunningServer) -> None:
    """A10 and A4: answers take none and give none back, nor does an ack of what one has left."""
    with PlainClient(watched.port) as client:
        messages = window(client, 2)
        for _ in range(20):
            assert "ticks" not in {message["type"] for message in ask(client, {"op": "list"})}
        ask(client, {"op": "unsubscribe", "symbols": ["*"]}, {"op": "ack", "seq": last(messages)})
        messages = ask(client, {"op": "subscribe", "symbols": ["*"], "snapshot": False})
        while sum(message["type"] == "ticks" for message in messages) < 2:
            messages += client.read()
        assert "ticks" not in {message["type"] for message in client.read(0.1)}


def test_acks_in_thousands(watched: RunningServer) -> None:
    """A11 and A3: only the highest means anything, and that once."""
    with PlainClient(watched.port) as client:
        messages = window(client, 2)
        seq = last(messages)
        messages = flood(client, masked(0x81, ack(str(seq)).encode()), times(5000, 100_000))
        if goes_on(client):
            assert sum(message["type"] == "ticks" for message in messages) <= 2
    come_back(watched)


def test_an_ack_in_pieces(watched: RunningServer) -> None:
    """A12: fragments, with a ping between them, while others have ticks."""
    with PlainClient(watched.port) as client:
        messages = window(client, 1)
        said = ack(str(last(messages))).encode()
        pieces = [Frame(Opcode.CONT, said[k : k + 1], fin=k == len(said) - 1) for k in range(1, len(said))]
        client.send_frames(Frame(Opcode.TEXT, said[:1], fin=False), *pieces[:5], Frame(Opcode.PING, b"?"), *pieces[5:])
        client.read_until("ticks")


def test_an_ack_of_a_tape_that_is_no_more(watched: RunningServer, victim: Victim) -> None:
    """A14: who has read another server's tape further than this one goes is refused, and served on."""
    with PlainClient(watched.port) as client:
        messages = window(client, 1)
        error = ask(client, {"op": "ack", "seq": position(victim.server) + 1_000_000})[0]
        assert (error["code"], error["details"]["last"]) == ("bad_ack", last(messages))
        client.send({"op": "ack", "seq": last(messages)})
        client.read_until("ticks")
