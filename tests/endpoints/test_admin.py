"""The admin API, live: what each call does, who may call, what a body must be, and what the log says of it."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from admin_client import AdminClient, Answer
from conftest import RunningServer, start_server
from plain_client import PlainClient
from plain_http import fetch
from published import Requests
from raw_http import exchange, get, headers, status
from ticker.endpoints.admin import Admin
from ticker.endpoints.http import Request
from ticker.errors import Refusal
from ticker.settings import build, from_flags
from ticker.ticks import CHANNELS

QUICK = ("--admin.enabled", "--market.model", "plain", "--stream.heartbeat-s", "0.2")
POSTS = ("pause", "resume", "speed", "step", "run", "incidents", "checkpoint")
GETS = ("state", "incidents")


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker(*QUICK)


@pytest.fixture
def admin(server: RunningServer) -> Iterator[AdminClient]:
    """A market that stands still, and is left as it was found."""
    client = AdminClient(server)
    client.post("pause")
    yield client
    client.post("pause")
    client.post("speed", {"speed": 1})


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body["code"]


# The clock.


def test_a_paused_market_stands_still_and_its_readers_live_on(admin: AdminClient) -> None:
    before = admin.get("state")
    with PlainClient(admin.server.port) as client:
        welcome = client.read_until("welcome")[-1]
        client.send({"op": "subscribe", "symbols": ["*"], "channels": ["quotes"], "pace": "latest", "rate_hz": 50})
        messages = client.read(1.0)
    poll, _ = fetch(admin.server, "v1/ticks?symbols=*&channels=trades&wait=0.3")
    after = admin.get("state")
    assert (before["seq"], before["t"]) == (after["seq"], after["t"])
    assert (welcome["paused"], welcome["seq"]) == (True, before["seq"])
    kinds = [message["type"] for message in messages]
    assert kinds.count("heartbeat") >= 2 and "snapshot" in kinds and "ticks" not in kinds
    assert (poll["seq"], poll["batches"]) == (before["seq"], [])


@pytest.mark.parametrize("steps", [1, 2, 1000])
def test_steps_are_taken_exactly(admin: AdminClient, steps: int) -> None:
    before = admin.get("state")
    after = admin.post("step", {"steps": steps})
    assert after["seq"] == before["seq"] + steps
    assert after["t"] == before["t"] + steps * round(1000 * before["step_ms"])
    assert after["paused"] and admin.get("state")["seq"] == after["seq"]


def test_steps_are_handed_out(admin: AdminClient) -> None:
    with PlainClient(admin.server.port) as client:
        client.send({"op": "subscribe", "symbols": ["*"], "channels": ["quotes"]})
        client.read_until("snapshot")
        stepped = admin.post("step", {"steps": 200})
        messages = client.read_until("heartbeat", seq=stepped["seq"])
    seqs = [message["seq"] for message in messages if message["type"] == "ticks"]
    assert seqs and seqs == sorted(seqs) and stepped["seq"] - 200 < seqs[0] <= seqs[-1] <= stepped["seq"]


def test_a_step_alone_is_one(admin: AdminClient) -> None:
    before = admin.get("state")["seq"]
    assert admin.post("step")["seq"] == admin.get("state")["seq"] == before + 1


def test_steps_want_a_market_that_stands_still(admin: AdminClient) -> None:
    admin.post("resume")
    assert code(admin.call("POST", "step", {"steps": 1})) == (400, "bad_request")


def test_who_hangs_up_gives_the_rest_of_the_steps_up(admin: AdminClient) -> None:
    before = admin.get("state")["seq"]
    body = b'{"steps":1000000}'
    head = (
        f"POST /admin/step HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    )
    assert exchange(admin.server, head.encode() + b"\r\n\r\n" + body) == b""  # until it loses patience
    until = time.monotonic() + 10
    while code_of(admin) == "unavailable":
        assert time.monotonic() < until
    assert before < admin.get("state")["seq"] < before + 1_000_000


def code_of(admin: AdminClient) -> str:
    return str(admin.call("POST", "step").body.get("code"))


def test_it_runs_to_a_position_and_stands_still_there(admin: AdminClient) -> None:
    begun = admin.get("state")
    target = begun["seq"] + 37
    running = admin.post("run", {"until": f"{begun['epoch']}:{target}"})
    assert (running["until"], running["paused"]) == (target, False)
    assert admin.until_paused()["seq"] == target
    assert admin.get("state")["until"] is None


def test_it_runs_to_a_market_time(admin: AdminClient) -> None:
    admin.post("speed", {"speed": 60})
    begun = admin.get("state")
    minute, _, _ = begun["time"].partition("T")
    assert minute == "2026-01-05"
    admin.post("run", {"until": later(begun["t"] + 3_005_000)})
    assert admin.until_paused()["t"] == begun["t"] + 3_010_000


def later(t_us: int) -> str:
    return datetime.fromtimestamp(t_us / 1e6, UTC).isoformat()


def test_a_run_may_be_broken_off(admin: AdminClient) -> None:
    begun = admin.get("state")
    admin.post("run", {"until": f"{begun['epoch']}:{begun['seq'] + 10_000_000}"})
    assert admin.post("pause")["until"] is None
    assert admin.post("resume")["until"] is None


def test_what_is_over_cannot_be_run_to(admin: AdminClient) -> None:
    state = admin.get("state")
    for until in (
        f"{state['epoch']}:{state['seq']}",
        f"{state['epoch']}:0",
        "2020-01-01T00:00:00Z",
        "elsewhere:9999999",
    ):
        assert code(admin.call("POST", "run", {"until": until})) == (400, "bad_position")
    for until in (
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-10:00",
        "soon",
        "",
        "2026-01-05T15:00:00",
    ):  # that has no offset
        assert code(admin.call("POST", "run", {"until": until})) == (400, "bad_position")


def test_the_speed_is_set_and_measured(admin: AdminClient) -> None:
    assert admin.post("speed", {"speed": 60})["speed"] == 60
    began_s = time.monotonic()
    before = admin.post("resume")
    time.sleep(1.5)
    after = admin.post("pause")
    passed_s = time.monotonic() - began_s
    assert 1e6 < after["t"] - before["t"] <= 60e6 * (passed_s + 1)
    assert (after["paused"], after["speed"], after["speed_actual"]) == (True, 60, 0)
    with PlainClient(admin.server.port) as client:
        assert client.read_until("welcome")[-1]["speed"] == 60


def test_the_clock_is_in_the_metrics(admin: AdminClient) -> None:
    admin.post("speed", {"speed": 7})
    text, _ = fetch(admin.server, "metrics")
    found = dict(
        line.split(" ") for line in text.decode().splitlines() if line.startswith(("ticker_clock", "ticker_mark"))
    )
    assert float(found["ticker_clock_speed"]) == 7
    assert float(found["ticker_clock_paused"]) == 1
    assert float(found["ticker_clock_speed_actual"]) == 0
    assert float(found["ticker_market_time_seconds"]) == admin.get("state")["t"] / 1e6


def test_it_may_start_still_and_fast(serve_ticker: Callable[..., RunningServer]) -> None:
    state = AdminClient(serve_ticker(*QUICK, "--paused", "--speed", "600")).get("state")
    assert (state["seq"], state["paused"], state["speed"], state["step_ms"]) == (1, True, 600, 2400)


# Incidents.


def test_an_incident_is_shown_from_the_step_that_is_named(admin: AdminClient) -> None:
    begun = admin.get("state")
    epoch = begun["epoch"]
    caused = admin.post("incidents", {"kind": "halt", "symbols": ["ACME"], "duration_s": 0.05})
    later = admin.post("incidents", {"kind": "freeze", "sectors": ["Energy"], "at": "1000h"})
    assert begun["seq"] < caused["seq"] <= begun["seq"] + 2 < later["seq"]
    assert [known["seq"] for known in admin.get("state")["coming"]][-2:] == [caused["seq"], later["seq"]]
    stepped = admin.post("step", {"steps": 20})
    assert caused["seq"] in [known["seq"] for known in stepped["past"]]
    polled, _ = fetch(admin.server, f"v1/ticks?symbols=ACME&channels=status&since={epoch}:{begun['seq']}")
    shown = [(batch["seq"], tick["state"], tick["reason"]) for batch in polled["batches"] for tick in batch["data"]]
    assert shown == [(caused["seq"], "halted", "halt"), (caused["seq"] + 5, "trading", "resume")]


def test_what_was_caused_can_be_played_again(serve_ticker: Callable[..., RunningServer], tmp_path: Path) -> None:
    flags = (*QUICK, "--paused", "--seed", "5", "--instruments", "12")
    admin = AdminClient(serve_ticker(*flags))
    admin.post("step", {"steps": 100})
    admin.post("incidents", {"kind": "halt", "symbols": ["ACME", "BYTE"], "duration_s": 1})
    admin.post("step", {"steps": 50})
    admin.post("incidents", {"kind": "freeze", "at": "3s"})
    admin.post("incidents", {"kind": "thaw", "at": "+00:00:04"})
    file = tmp_path / "again.json"
    file.write_bytes(orjson.dumps(admin.get("incidents")))
    first = told(admin, 500)
    again = AdminClient(serve_ticker(*flags, "--scenario", str(file)))
    assert again.get("state")["scenario"] == str(file)
    assert told(again, 500) == first
    assert again.get("incidents")["incident"] == admin.get("incidents")["incident"]


def told(admin: AdminClient, until: int) -> Any:
    """Step to a position and return all ticks before it, as they are told."""
    state = admin.get("state")
    admin.post("step", {"steps": until - state["seq"]})
    since, batches = 0, []
    while since < until:
        query = f"symbols=*&channels={','.join(CHANNELS)}&since={state['epoch']}:{since}"
        polled, _ = fetch(admin.server, f"v1/ticks?{query}")
        batches += [(batch["seq"], batch["data"]) for batch in polled["batches"]]
        since = polled["seq"]
    return batches


@pytest.mark.parametrize(
    ("wish", "refusal"),
    [
        ({}, (400, "bad_request", "kind")),
        ({"kind": "riot"}, (400, "bad_request", "kind")),
        ({"kind": "shock", "value": -0.1}, (400, "bad_request", "kind")),  # the plain model's word
        ({"kind": "halt", "symbols": ["ACNE"]}, (404, "unknown_symbol", "symbols")),
        ({"kind": "halt", "sectors": ["Magic"]}, (400, "bad_request", "sectors")),
        ({"kind": "halt", "at": "noon"}, (400, "bad_request", "at")),
        ({"kind": "halt", "duration_s": -1}, (400, "bad_request", "duration_s")),
        ({"kind": "halt", "value": 1}, (400, "bad_request", "value")),
    ],
)
def test_what_cannot_happen_is_refused_by_field(admin: AdminClient, wish: Any, refusal: tuple[int, str, str]) -> None:
    answer = admin.call("POST", "incidents", wish)
    assert (*code(answer), answer.body["field"]) == refusal


# Who may.


def test_it_is_not_there_unless_it_is_enabled(ticker_server: RunningServer) -> None:
    admin = AdminClient(ticker_server)
    for name in ("", *POSTS, *GETS):
        assert code(admin.call("POST", name)) == code(admin.call("GET", name)) == (404, "not_found")
    assert "/admin/state" not in fetch(ticker_server, "openapi.json")[0]["paths"]


@pytest.mark.parametrize(
    "fields",
    [
        {"Origin": "http://example.org"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"X-Forwarded-For": "10.0.0.1"},
        {"Forwarded": "for=10.0.0.1"},
    ],
)
def test_pages_proxies_and_borrowed_names_are_turned_away(admin: AdminClient, fields: dict[str, str]) -> None:
    for method, name in (("POST", "pause"), ("GET", "state")):
        assert code(admin.call(method, name, None, **fields)) == (403, "forbidden")


@pytest.mark.parametrize(
    ("flags", "refused"),
    [((), (421, "misdirected")), (("--host", "0.0.0.0", "--server.public"), (403, "forbidden"))],
)
def test_borrowed_names_are_turned_away(
    serve_ticker: Callable[..., RunningServer], flags: tuple[str, ...], refused: tuple[int, str]
) -> None:
    admin = AdminClient(serve_ticker(*QUICK, *flags))
    for method, name in (("POST", "pause"), ("GET", "state")):
        for host in ("rebound.example.org", "rebound.example.org:8765"):
            assert code(admin.call(method, name, None, Host=host)) == refused


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:8765", "[::1]:8765", "127.3.2.1:1"])
def test_a_page_of_our_own_and_any_name_of_this_machine_may(admin: AdminClient, host: str) -> None:
    assert admin.post("pause", None, Host=host, Origin=f"http://{host}", Sec_Fetch_Site="same-origin")["paused"]


@pytest.mark.parametrize(
    "sent", [None, "", "Bearer", "Bearer ", "Bearer hus", "Bearer hushh", "Basic hush", "hush", "Bearer é"]
)
def test_a_token_is_wanted_from_everybody(serve_ticker: Callable[..., RunningServer], sent: str | None) -> None:
    admin = AdminClient(serve_ticker(*QUICK, "--admin.token", "hush", "--http.hosts", "far.example.org"))
    fields = {} if sent is None else {"Authorization": sent}
    for method, name in (("POST", "pause"), ("GET", "state")):
        answer = admin.call(method, name, None, **fields)
        assert code(answer) == (401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert admin.post("pause", Authorization="Bearer hush", Host="far.example.org", X_Forwarded_For="10.0.0.1")[
        "paused"
    ]
    assert code(admin.call("POST", "pause", Authorization="Bearer hush", Origin="http://example.org")) == (
        403,
        "forbidden",
    )


@pytest.mark.parametrize(
    ("peer", "allowed"),
    [
        *[("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("::ffff:127.0.0.1", True)],
        *[("10.0.0.1", False), ("::ffff:10.0.0.1", False), ("fe80::1", False), ("", False)],
    ],
)
def test_another_machine_needs_a_token(peer: str, allowed: bool) -> None:
    results: list[str] = []

    def call(token: str) -> bool:
        config = build(from_flags({"admin.enabled": "true", "admin.token": token}))
        log = SimpleNamespace(info=lambda _, **said: results.append(said["result"]))
        control = SimpleNamespace(state=lambda: {})
        admin = Admin(SimpleNamespace(config=config, log=log), control)  # type: ignore[arg-type]
        fields = [("host", "127.0.0.1"), ("authorization", "Bearer hush")]
        try:
            admin.handlers()["/admin/state"](Request("GET", "/admin/state", "1.1", fields, peer=peer))
        except Refusal as refusal:
            assert refusal.code == "forbidden"
            return False
        return True

    assert (call(""), call("hush")) == (allowed, True)
    assert results == ([] if allowed else ["forbidden"])


# What a body must be.


@pytest.mark.parametrize("name", POSTS)
def test_a_body_is_json_and_says_so(admin: AdminClient, name: str) -> None:
    for media in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""):
        answer = admin.call("POST", name, b"{}", Content_Type=media)
        assert code(answer) == (415, "unsupported_media_type"), media
    for body in (b"{", b"\xff", b"\x00", b'{"\xff":1}'):
        assert code(admin.call("POST", name, body)) == (400, "bad_json")
    for wrong in (b"[]", b"1", b"null", b'{"surprise":1}'):
        assert code(admin.call("POST", name, wrong)) == (400, "bad_request")


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("speed", {}, "speed"),
        ("speed", {"speed": 0}, "speed"),
        ("speed", {"speed": "60"}, "speed"),
        ("speed", {"speed": 10_001}, "speed"),
        ("speed", b'{"speed":1e999}', "speed"),
        ("step", {"steps": 0}, "steps"),
        ("step", {"steps": 1.5}, "steps"),
        ("step", {"steps": 1_000_001}, "steps"),
        ("run", {}, "until"),
        ("run", {"until": 5}, "until"),
    ],
)
def test_a_wrong_field_is_named(admin: AdminClient, name: str, body: Any, field: str) -> None:
    answer = admin.call("POST", name, body)
    assert answer.status == 400
    assert answer.body.get("field") == field or answer.body["code"] == "bad_json"


def test_a_media_type_may_have_parameters(admin: AdminClient) -> None:
    assert admin.post("speed", {"speed": 2}, Content_Type="Application/JSON; charset=utf-8")["speed"] == 2


def test_too_large_a_body_is_not_read(admin: AdminClient) -> None:
    assert code(admin.call("POST", "speed", b" " * 65_537)) == (413, "too_large")


def test_a_query_is_refused(admin: AdminClient) -> None:
    assert code(admin.call("POST", "pause?now=1")) == code(admin.call("GET", "state?x")) == (400, "bad_request")


def test_a_method_that_is_not_for_this_path_is_told_what_is(admin: AdminClient) -> None:
    for method, name, allowed in (
        ("GET", "pause", "POST, OPTIONS"),
        ("DELETE", "incidents", "GET, HEAD, POST, OPTIONS"),
        ("POST", "state", "GET, HEAD, OPTIONS"),
    ):
        answer = admin.call(method, name)
        assert (*code(answer), answer.headers["allow"]) == (405, "method_not_allowed", allowed)
        assert answer.body["known"] == allowed.split(", ")
        options = exchange(admin.server, get(f"/admin/{name}", "Connection: close", method="OPTIONS"))
        assert (status(options), headers(options)["allow"]) == (204, allowed)


def test_a_body_may_come_in_pieces_and_not_behind_a_held_answer(admin: AdminClient) -> None:
    plain = b"POST /admin/speed HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    chunked = [
        plain + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        b'6\r\n{"spee\r\n',
        b'5\r\nd":3}\r\n0\r\n\r\n',
    ]
    assert status(exchange(admin.server, *chunked, pause_s=0.05)) == 200
    assert admin.get("state")["speed"] == 3
    held = b"GET /v1/ticks?symbols=*&wait=0.3 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    behind = plain + b'Content-Length: 11\r\n\r\n{"speed":4}'
    answers = exchange(admin.server, held + behind)
    assert [part for part in (b" 200 ", b" 429 ") if part in answers] == [b" 200 ", b" 429 "]
    assert admin.get("state")["speed"] == 3


# What is said of it.


def test_what_acts_or_is_refused_is_in_the_log_and_the_token_is_not(tmp_path: Path) -> None:
    file = tmp_path / "log"
    server = start_server(*QUICK, "--admin.token", "hush-hush", log=file)
    try:
        admin = AdminClient(server, Authorization="Bearer hush-hush")
        admin.post("pause")
        admin.post("speed", {"speed": 9})
        admin.call("POST", "speed", {"speed": -9})
        admin.call("POST", "speed", b'{"\n\x1b[31m')
        admin.call("POST", "pause", Authorization="Bearer wrong")
        for name in GETS:  # a page asks once a second
            admin.get(name)
        admin.call("GET", "state", Authorization="Bearer wrong")
    finally:
        server.stop()
        assert server.process.stdout is not None
        server.process.stdout.close()
    lines = [orjson.loads(line) for line in file.read_text().splitlines()]
    audited = [(line["call"], line["said"], line["result"]) for line in lines if line["event"] == "admin"]
    assert audited == [
        ("POST /admin/pause", "", "accepted"),
        ("POST /admin/speed", '{"speed":9}', "accepted"),
        ("POST /admin/speed", '{"speed":-9}', "bad_request"),
        ("POST /admin/speed", "(withheld)", "bad_json"),
        ("POST /admin/pause", "", "unauthorized"),
        ("GET /admin/state", "", "unauthorized"),
    ]
    assert {line["peer"] for line in lines if line["event"] == "admin"} == {"127.0.0.1"}
    assert "hush-hush" not in file.read_text()
    assert "wrong" not in file.read_text()


def test_what_is_turned_away_at_the_door_is_in_the_log_without_what_it_said(tmp_path: Path) -> None:
    file = tmp_path / "log"
    server = start_server(*QUICK, "--http.body-s", "0.3", "--http.head-s", "0.3", log=file)
    post = b"POST /admin/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n%s\r\n\r\n%s"
    held = b"GET /v1/ticks?symbols=*&wait=0.3 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    try:
        admin = AdminClient(server)
        admin.call("GET", "pause")
        admin.call("DELETE", "incidents", {"secret": 1})
        admin.call("POST", "state", {"secret": 1})
        admin.call("POST", "speed", b'"secret"' + b" " * 65_537)
        admin.call("POST", "speed", b'{"secret": 1}', Content_Type="text/plain")
        admin.call("POST", "speed", b'{"speed": "secret')
        for body in ({"speed": 1, "password": "secret"}, {"secret": 1}, ["secret"], "secret"):
            admin.call("POST", "speed", body)
        admin.call("POST", "pause", Host="rebound.example.org")
        exchange(server, post % (b"step", b"Transfer-Encoding: chunked", b"6\r\nsecret\r\nsecret\r\n"))
        exchange(server, post % (b"step", b"Content-Length: 6, 7", b"secret"))
        exchange(server, post % (b"resume?token=secret", b"Content-Length: 60", b'{"secret": 1'), patience_s=3)
        exchange(server, held + post % (b"speed", b"Content-Length: 6", b"secret"))
        exchange(server, post % (b"pause", b"Expect: secret", b""))
        admin.call("POST", "secret")  # is nothing of ours
    finally:
        server.stop()
        assert server.process.stdout is not None
        server.process.stdout.close()
    lines = [orjson.loads(line) for line in file.read_text().splitlines()]
    audited = [(line["call"], line["said"], line["result"]) for line in lines if line["event"] == "admin"]
    assert audited == [
        ("GET /admin/pause", "", "method_not_allowed"),
        ("DELETE /admin/incidents", "", "method_not_allowed"),
        ("POST /admin/state", "", "method_not_allowed"),
        ("POST /admin/speed", "", "too_large"),
        ("POST /admin/speed", "(withheld)", "unsupported_media_type"),
        ("POST /admin/speed", "(withheld)", "bad_json"),
        *[("POST /admin/speed", "(withheld)", "bad_request")] * 4,
        ("POST /admin/pause", "", "misdirected"),
        ("POST /admin/step", "(withheld)", "bad_request"),
        ("POST /admin/step", "", "bad_request"),
        ("POST /admin/resume", "(withheld)", "timeout"),
        ("POST /admin/speed", "(withheld)", "rate_limited"),
        ("POST /admin/pause", "", "expectation_failed"),
    ]
    assert {line["peer"] for line in lines if line["event"] == "admin"} == {"127.0.0.1"}
    assert "secret" not in file.read_text()


@pytest.mark.parametrize("token", ["", "hush"])
def test_whatever_is_answered_is_documented(serve_ticker: Callable[..., RunningServer], token: str) -> None:
    server = serve_ticker(*QUICK, "--paused", "--admin.token", token)
    admin = AdminClient(server, Authorization=f"Bearer {token}")
    requests = Requests(fetch(server, "openapi.json")[0])
    epoch = admin.get("state")["epoch"]
    bodies = {
        "speed": {"speed": 2},
        "step": {"steps": 2},
        "run": {"until": f"{epoch}:900"},
        "incidents": {"kind": "halt", "symbols": ["ACME"]},
    }
    seen = set()
    for method, names in (("GET", GETS), ("POST", POSTS)):
        for name in names:
            body = bodies.get(name) if method == "POST" else None
            answers = [admin.call(method, name, body), admin.call(method, f"{name}?x=1", body)]
            answers.append(admin.call(method, name, body, Origin="http://example.org"))
            if method == "POST":
                answers += [admin.call(method, name, b"{"), admin.call(method, name, b"{}", Content_Type="text/plain")]
                answers.append(admin.call(method, name, b" " * 70_000))
                if name == "incidents":
                    answers.append(admin.call(method, name, {"kind": "halt", "symbols": ["NONE"]}))
            if token:
                answers.append(admin.call(method, name, body, Authorization="Bearer wrong"))
            admin.post("pause")
            for answer in answers:
                requests.check(f"/admin/{name}", answer.status, answer.headers, answer.raw, method.lower())
                seen.add((method, name, answer.status))
    named = {
        (method, name, code)
        for method, names in (("GET", GETS), ("POST", POSTS))
        for name in names
        for code in requests.statuses(f"/admin/{name}", method.lower())
    }
    # While steps are being taken; while the server stops.
    assert named - seen == {("POST", name, 503) for name in ("resume", "step", "run", "checkpoint")}
    told = set(fetch(server, "", Accept="application/json")[0]["paths"])
    assert {path for path in told if path.startswith("/admin/")} == {
        path for path in requests.document["paths"] if path.startswith("/admin/")
    }
