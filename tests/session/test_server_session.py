"""The server's half: every op, every refusal, and subscriptions that are plain sets."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec import UNSET

from ticker.errors import Refusal
from ticker.instruments import Instrument, Universe
from ticker.interest import Interest
from ticker.session.messages import (
    Ack,
    AnyClientMessage,
    Error,
    ListSubscriptions,
    Ping,
    Pong,
    SnapshotHead,
    Subscribe,
    Subscribed,
    Subscriptions,
    Unsubscribe,
    Unsubscribed,
    Window,
    WindowGranted,
)
from ticker.session.server import Resume, ServerSession
from ticker.session.terms import Standing, Terms, resolve_symbols
from ticker.ticks import CHANNELS, QUOTES, TRADES

SYMBOLS = ["AAA", "BBB", "CCC", "DDD"]
SYMBOLS_MAX = 6
HEAD, SENT, NOW_US = 40, 30, 1_700_000_000_000_000
STANDING = Standing("tape", 11, HEAD, SENT)
UNIVERSE = Universe(Instrument(symbol, symbol, "Sector", 2, 1, 1, 1000) for symbol in SYMBOLS)
TERMS = Terms(UNIVERSE, SYMBOLS_MAX, window_max=64, rate_hz=10.0, rate_max_hz=100.0)


def new_session() -> ServerSession:
    return ServerSession(TERMS, HEAD - 20)


def tell(session: ServerSession, message: AnyClientMessage) -> tuple[list[Any], list[SnapshotHead]]:
    return session.receive(message, STANDING, NOW_US)[:2]  # type: ignore[return-value]


def refused(session: ServerSession, message: AnyClientMessage) -> Refusal:
    """Return the refusal of a message, which changed nothing."""

    def state() -> tuple[object, ...]:
        return session.interest, session.acked, session.on_lag, session.rate_hz, session.window

    before = state()
    with pytest.raises(Refusal) as raised:
        session.receive(message, STANDING, NOW_US)
    assert state() == before
    return raised.value


def subscribed_to(*symbols: str, channels: list[str] | None = None) -> ServerSession:
    session = new_session()
    session.receive(Subscribe(symbols=list(symbols), channels=channels or [TRADES]), STANDING, NOW_US)
    return session


def test_a_subscription_is_granted_with_all_its_settings() -> None:
    session = new_session()
    message = Subscribe(id=7, symbols=["CCC", "AAA"], channels=[TRADES, QUOTES], on_lag="close")
    answers, snapshots = tell(session, message)
    subscriptions = {QUOTES: ["AAA", "CCC"], TRADES: ["AAA", "CCC"]}
    assert answers == [
        Subscribed(
            id=7,
            seq=HEAD,
            channels=[QUOTES, TRADES],
            symbols=["AAA", "CCC"],
            pace="every",
            snapshot=True,
            on_lag="close",
            subscriptions=subscriptions,
        )
    ]
    assert snapshots == [SnapshotHead(QUOTES, [0, 2]), SnapshotHead(TRADES, [0, 2])]
    assert session.on_lag == "close"


def test_a_subscription_without_settings_gets_trades_from_a_snapshot_on() -> None:
    answers, snapshots = tell(new_session(), Subscribe(symbols=["BBB"]))
    [granted] = answers
    assert (granted.id, granted.channels, granted.pace, granted.snapshot, granted.on_lag) == (
        *(UNSET, [TRADES], "every", True, "skip"),
    )
    assert snapshots == [SnapshotHead(TRADES, [1])]


@pytest.mark.parametrize(("asked", "granted"), [(UNSET, True), (True, True), (False, False)])
def test_a_snapshot_is_sent_unless_it_is_declined(asked: Any, granted: bool) -> None:
    answers, snapshots = tell(new_session(), Subscribe(symbols=["AAA"], snapshot=asked))
    assert answers[0].snapshot is granted
    assert bool(snapshots) is granted


def test_the_answer_tells_all_that_is_subscribed_and_what_was_granted_now() -> None:
    session = subscribed_to("AAA")
    [granted], _ = tell(session, Subscribe(symbols=["BBB"], channels=[QUOTES]))
    assert (granted.channels, granted.symbols) == ([QUOTES], ["BBB"])
    assert granted.subscriptions == {QUOTES: ["BBB"], TRADES: ["AAA"]}


def test_a_star_is_everything_and_everything_is_a_star() -> None:
    for symbols in (["*"], ["AAA", "*", "nonsense"], SYMBOLS):
        [granted], snapshots = tell(new_session(), Subscribe(symbols=symbols))
        assert (granted.symbols, granted.subscriptions) == (["*"], {TRADES: ["*"]})
        assert snapshots == [SnapshotHead(TRADES, [0, 1, 2, 3])]


def test_everything_but_one_is_spelled_out() -> None:
    session = subscribed_to("*")
    [answer], _ = tell(session, Unsubscribe(symbols=["BBB"]))
    assert answer.subscriptions == {TRADES: ["AAA", "CCC", "DDD"]}


def test_unknown_symbols_are_named_and_the_known_ones_subscribed() -> None:
    session = new_session()
    (error, granted), snapshots = tell(session, Subscribe(id="x", symbols=["AAA", "ZZZ", "aaa", "ZZZ"]))
    assert (error.code, error.id, error.details) == ("unknown_symbol", "x", {"symbols": ["ZZZ", "aaa"], "count": 2})
    assert (granted.id, granted.symbols, granted.subscriptions) == ("x", ["AAA"], {TRADES: ["AAA"]})
    assert snapshots == [SnapshotHead(TRADES, [0])]


def test_only_unknown_symbols_subscribe_nothing() -> None:
    session = new_session()
    answers, snapshots = tell(session, Subscribe(symbols=["ZZZ"], on_lag="close"))
    assert [type(answer) for answer in answers] == [Error]
    assert (snapshots, bool(session.interest), session.on_lag) == ([], False, "skip")


@pytest.mark.parametrize(
    "symbol",
    [
        "",
        " ",
        "aaa",
        "AAA ",
        "AAAA",
        "../AAA",
        ">",
        ".",
        "$JS.API.>",
        "A*",
        "\u0410\u0410\u0410",
        "AAA\r\n",
        "\0",
        "x" * 10_000,
    ],
)
def test_a_strange_symbol_is_only_unknown_and_told_back_in_short(symbol: str) -> None:
    [error], _ = tell(new_session(), Subscribe(symbols=[symbol]))
    assert (error.code, error.details["symbols"]) == ("unknown_symbol", [symbol])
    assert len(error.message) < 100


def test_many_unknown_symbols_are_counted_not_all_repeated() -> None:
    session = ServerSession(Terms(TERMS.universe, 100, 64, 10.0, 100.0), HEAD)
    [error], _ = tell(session, Subscribe(symbols=[f"Z{k}" for k in range(60)]))
    assert error.details["count"] == 60
    assert error.details["symbols"] == [f"Z{k}" for k in range(20)]
    assert error.message == "unknown symbol: Z0, Z1, Z2, Z3, Z4 and 55 more"


@pytest.mark.parametrize("kind", [Subscribe, Unsubscribe])
@pytest.mark.parametrize(
    ("fields", "code", "details"),
    [
        ({"symbols": ["AAA"], "channels": []}, "bad_request", {"field": "channels"}),
        ({"symbols": []}, "bad_request", {"field": "symbols"}),
        (
            {"symbols": ["AAA"], "channels": [TRADES, "trade"]},
            "unknown_channel",
            {"channels": ["trade"], "known": list(CHANNELS)},
        ),
        ({"symbols": ["AAA"], "channels": ["*"]}, "unknown_channel", {"channels": ["*"], "known": list(CHANNELS)}),
        ({"symbols": ["AAA"] * 7}, "too_many_symbols", {"limit": SYMBOLS_MAX}),
        ({"symbols": ["*"] * 7}, "too_many_symbols", {"limit": SYMBOLS_MAX}),
    ],
)
def test_a_request_that_makes_no_sense_changes_nothing(
    kind: Any, fields: dict[str, Any], code: str, details: dict[str, Any]
) -> None:
    refusal = refused(subscribed_to("AAA"), kind(**fields))
    assert (refusal.code, refusal.details) == (code, details)


def test_as_many_symbols_as_allowed_are_allowed() -> None:
    [granted], _ = tell(new_session(), Subscribe(symbols=["AAA"] * SYMBOLS_MAX))
    assert granted.symbols == ["AAA"]


def test_many_unknown_channels_are_not_all_repeated() -> None:
    refusal = refused(new_session(), Subscribe(symbols=["AAA"], channels=["x" * 1000] * 50))
    assert len(refusal.details["channels"]) == 20
    assert len(refusal.message) < 300


def test_subscribing_twice_is_subscribing() -> None:
    session = subscribed_to("AAA")
    before = session.interest
    [granted], _ = tell(session, Subscribe(symbols=["AAA"]))
    assert granted.subscriptions == {TRADES: ["AAA"]}
    assert session.interest == before


def test_what_is_subscribed_already_gets_no_second_snapshot() -> None:
    session = subscribed_to("AAA")
    _, snapshots = tell(session, Subscribe(symbols=["AAA", "BBB"]))
    assert snapshots == [SnapshotHead(TRADES, [1])]


def test_unsubscribing_tells_what_is_left() -> None:
    session = subscribed_to("AAA", "BBB", channels=list(CHANNELS))
    answers, snapshots = tell(session, Unsubscribe(id=3, symbols=["AAA", "CCC"], channels=[QUOTES]))
    left = {channel: ["BBB"] if channel == QUOTES else ["AAA", "BBB"] for channel in CHANNELS}
    assert answers == [Unsubscribed(id=3, seq=HEAD, subscriptions=left)]
    assert snapshots == []
    assert tell(session, Unsubscribe(symbols=["*"], channels=list(CHANNELS)))[0][0].subscriptions == {}


@pytest.mark.parametrize(
    "message",
    [
        Unsubscribe(symbols=["BBB"]),
        Unsubscribe(symbols=["AAA"], channels=[QUOTES]),
        Unsubscribe(symbols=["*"], channels=[QUOTES]),
    ],
)
def test_what_is_not_subscribed_cannot_be_unsubscribed(message: Unsubscribe) -> None:
    refusal = refused(subscribed_to("AAA"), message)
    assert (refusal.code, refusal.details) == ("not_subscribed", {"subscriptions": {TRADES: ["AAA"]}})


def test_unsubscribing_unknown_symbols_names_them_and_does_the_rest() -> None:
    session = subscribed_to("AAA")
    [error], _ = tell(session, Unsubscribe(symbols=["ZZZ", "BBB"]))
    assert (error.code, error.details["symbols"]) == ("unknown_symbol", ["ZZZ"])
    (error, answer), _ = tell(session, Unsubscribe(symbols=["ZZZ", "AAA"]))
    assert (error.code, answer.subscriptions) == ("unknown_symbol", {})


def test_the_list_tells_without_changing() -> None:
    session = subscribed_to("AAA")
    before = session.interest
    answer = Subscriptions(id="q", seq=HEAD, subscriptions={TRADES: ["AAA"]})
    assert tell(session, ListSubscriptions(id="q")) == ([answer], [])
    assert session.interest == before


@pytest.mark.parametrize("ts", [UNSET, None, 5, "now", {"a": [1]}])
def test_a_ping_comes_back_with_its_own_words_and_the_servers_time(ts: Any) -> None:
    assert tell(new_session(), Ping(id=9, ts=ts)) == ([Pong(id=9, ts=ts, server_ts=NOW_US)], [])


def test_an_ack_is_cumulative_and_silent() -> None:
    session = new_session()
    for seq, acked in [(0, 0), (10, 10), (10, 10), (5, 10), (SENT, SENT), (0, SENT)]:
        assert tell(session, Ack(seq=seq)) == ([], [])
        assert session.acked == acked


@pytest.mark.parametrize("seq", [SENT + 1, 2**31, 2**53 - 1])
def test_an_ack_of_what_was_never_sent_is_refused(seq: int) -> None:
    refusal = refused(new_session(), Ack(seq=seq))
    assert (refusal.code, refusal.details) == ("bad_ack", {"seq": seq, "last": SENT})


def test_a_position_the_client_was_told_of_may_be_acked() -> None:
    session = new_session()  # the welcome told it of HEAD - 20
    session.receive(Ack(seq=HEAD - 20), STANDING._replace(sent=0), NOW_US)
    with pytest.raises(Refusal, match="never sent"):
        session.receive(Ack(seq=HEAD - 19), STANDING._replace(sent=0), NOW_US)
    session.told(HEAD)
    session.told(HEAD - 5)
    session.receive(Ack(seq=HEAD), STANDING._replace(sent=0), NOW_US)
    assert session.acked == HEAD


def test_snapshots_show_all_that_is_wanted() -> None:
    session = subscribed_to("AAA", "CCC", channels=[QUOTES])
    assert session.snapshots() == [SnapshotHead(QUOTES, [0, 2])]
    assert new_session().snapshots() == []


def test_many_symbols_in_one_go_are_found_quickly_and_all() -> None:
    many = Universe(Instrument(f"S{k}", "", "", 2, 1, 1, 1000) for k in range(10_000))
    mask, unknown = resolve_symbols([f"S{k}" for k in range(0, 20_000, 2)], Terms(many, 10_000, 64, 10.0, 100.0))
    assert mask.bit_count() == 5000
    assert len(unknown) == 5000


class Subscribing(RuleBasedStateMachine):
    """Subscriptions are a set of (channel, symbol), whatever is said in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.session = new_session()
        self.model: set[tuple[str, str]] = set()

    def spelled(self) -> dict[str, list[str]]:
        kept = {channel: [s for s in SYMBOLS if (channel, s) in self.model] for channel in CHANNELS}
        return {channel: ["*"] if symbols == SYMBOLS else symbols for channel, symbols in kept.items() if symbols}

    def meant(self, channels: list[str], symbols: list[str]) -> set[tuple[str, str]]:
        known = SYMBOLS if "*" in symbols else [symbol for symbol in symbols if symbol in SYMBOLS]
        return {(channel, symbol) for channel in channels for symbol in known}

    channels = st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=3)
    symbols = st.lists(st.sampled_from([*SYMBOLS, "ZZZ", "*"]), min_size=1, max_size=4)

    @rule(channels=channels, symbols=symbols)
    def subscribe(self, channels: list[str], symbols: list[str]) -> None:
        answers, snapshots = tell(self.session, Subscribe(symbols=symbols, channels=channels))
        meant = self.meant(channels, symbols)
        new = meant - self.model
        self.model |= meant
        assert bool(meant) == isinstance(answers[-1], Subscribed)
        if meant:
            assert answers[-1].subscriptions == self.spelled()
        shown = {(head.channel, SYMBOLS[index]) for head in snapshots for index in head.instruments}
        assert new <= shown <= meant

    @rule(channels=channels, symbols=symbols)
    def unsubscribe(self, channels: list[str], symbols: list[str]) -> None:
        message = Unsubscribe(symbols=symbols, channels=channels)
        meant = self.meant(channels, symbols)
        if self.model & meant:
            self.model -= meant
            assert tell(self.session, message)[0][-1].subscriptions == self.spelled()
        elif "ZZZ" in symbols and "*" not in symbols:
            assert [answer.code for answer in tell(self.session, message)[0]] == ["unknown_symbol"]
        else:
            assert refused(self.session, message).code == "not_subscribed"

    @rule(seq=st.integers(0, SENT))
    def ack(self, seq: int) -> None:
        before = self.session.acked
        tell(self.session, Ack(seq=seq))
        assert self.session.acked == max(before, seq)

    @invariant()
    def the_interest_is_the_set(self) -> None:
        interest = self.session.interest
        assert {(c, SYMBOLS[index]) for c in CHANNELS for index in interest.indices(c)} == self.model
        assert tell(self.session, ListSubscriptions())[0][0].subscriptions == self.spelled()


TestSubscribing = Subscribing.TestCase
TestSubscribing.settings = settings(deadline=None, max_examples=60, stateful_step_count=25)


def test_a_subscription_may_begin_in_the_past() -> None:
    session = new_session()
    [granted], shown, resume = session.receive(Subscribe(symbols=["BBB"], from_="tape:15"), STANDING, NOW_US)
    assert (granted.snapshot, shown) == (False, [])
    assert resume == Resume(Interest.of([TRADES], 0b10), 15)


def test_only_what_was_not_subscribed_before_is_shown_and_all_of_it_sent_from_there() -> None:
    session = subscribed_to("BBB")
    message = Subscribe(symbols=["BBB", "CCC"], from_=f"tape:{SENT}", snapshot=True)
    [granted], shown, resume = session.receive(message, STANDING, NOW_US)
    assert granted.snapshot
    assert shown == [SnapshotHead(TRADES, [2])]
    assert resume == Resume(Interest.of([TRADES], 0b110), SENT)


@pytest.mark.parametrize(
    ("place", "code", "details"),
    [
        ("tape:9", "gone", {"oldest": "tape:10"}),
        ("tape:41", "bad_position", {"seq": HEAD}),
        ("other:20", "bad_position", {"epoch": "tape"}),
        ("tape", "bad_position", {}),
    ],
)
def test_a_place_to_begin_must_be_on_the_tape(place: str, code: str, details: dict[str, Any]) -> None:
    refusal = refused(new_session(), Subscribe(symbols=["BBB"], from_=place))
    assert (refusal.code, refusal.details) == (code, details)


def test_the_beginning_is_as_far_back_as_is_kept() -> None:
    resume = new_session().receive(Subscribe(symbols=["BBB"], from_="tape:0"), STANDING, NOW_US).resume
    assert resume is not None
    assert resume.since == 10


def test_positions_of_one_conversation_only_rise() -> None:
    refusal = refused(subscribed_to("BBB"), Subscribe(symbols=["CCC"], from_=f"tape:{SENT - 1}"))
    assert (refusal.code, refusal.details) == ("bad_position", {"seq": SENT})


def test_what_an_answer_shows_can_be_asked_for() -> None:
    session = new_session()
    table = {QUOTES: ["AAA", "CCC"], TRADES: ["BBB"]}
    [granted], _ = tell(session, Subscribe(subscriptions=table))
    assert granted.subscriptions == table
    assert (granted.channels, granted.symbols) == ([QUOTES, TRADES], ["AAA", "BBB", "CCC"])
    again = new_session()
    tell(again, Subscribe(subscriptions=granted.subscriptions))
    assert again.interest == session.interest


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({}, "bad_request"),
        ({TRADES: []}, "bad_request"),
        ({"trade": ["AAA"]}, "unknown_channel"),
        ({TRADES: ["AAA"] * 7}, "too_many_symbols"),
    ],
)
def test_a_table_that_asks_for_nothing_is_refused(table: dict[str, list[str]], code: str) -> None:
    assert refused(new_session(), Subscribe(subscriptions=table)).code == code


def test_a_table_goes_in_place_of_symbols() -> None:
    message = Subscribe(symbols=["AAA"], subscriptions={TRADES: ["BBB"]})
    assert refused(new_session(), message).details == {"field": "subscriptions"}


def test_unknown_symbols_of_a_table_are_named_once() -> None:
    [error, granted], _ = tell(new_session(), Subscribe(subscriptions={TRADES: ["ZZZ", "AAA"], QUOTES: ["ZZZ"]}))
    assert error.details == {"symbols": ["ZZZ"], "count": 1}
    assert granted.subscriptions == {TRADES: ["AAA"]}


@pytest.mark.parametrize(("asked", "granted"), [(0, 0), (1, 1), (64, 64), (65, 64), (2**31, 64)])
def test_a_window_is_granted_up_to_the_most(asked: int, granted: int) -> None:
    session = new_session()
    assert tell(session, Window(id=3, size=asked)) == ([WindowGranted(id=3, size=granted)], [])
    assert session.window == granted
    tell(session, Window(size=0))
    assert session.window == 0


@pytest.mark.parametrize(("asked_hz", "granted_hz"), [(UNSET, 10.0), (0.5, 0.5), (100.0, 100.0), (101.0, 100.0)])
def test_the_newest_is_granted_as_often_as_is_possible(asked_hz: Any, granted_hz: float) -> None:
    session = new_session()
    [granted], _ = tell(session, Subscribe(symbols=["AAA"], pace="latest", rate_hz=asked_hz))
    assert (granted.pace, granted.rate_hz, session.rate_hz) == ("latest", granted_hz, granted_hz)


def test_pace_and_what_happens_on_lag_stay_as_they_were_last_named() -> None:
    session = new_session()
    tell(session, Subscribe(symbols=["AAA"], pace="latest", rate_hz=2.0, on_lag="close"))
    [granted], _ = tell(session, Subscribe(symbols=["BBB"]))
    assert (granted.pace, granted.rate_hz, granted.on_lag) == ("latest", 2.0, "close")
    [granted], _ = tell(session, Subscribe(symbols=["BBB"], rate_hz=4.0, on_lag="skip"))
    assert (granted.pace, granted.rate_hz, granted.on_lag) == ("latest", 4.0, "skip")
    [granted], _ = tell(session, Subscribe(symbols=["BBB"], pace="latest"))
    assert granted.rate_hz == 4.0
    [granted], _ = tell(session, Subscribe(symbols=["BBB"], pace="every"))
    assert (granted.pace, granted.rate_hz, session.rate_hz) == ("every", UNSET, None)


def test_a_rate_belongs_to_the_newest_and_a_position_to_every_tick() -> None:
    session = subscribed_to("AAA")
    assert refused(session, Subscribe(symbols=["AAA"], rate_hz=1.0)).details == {"field": "rate_hz"}
    assert refused(session, Subscribe(symbols=["AAA"], pace="every", rate_hz=1.0)).details == {"field": "rate_hz"}
    assert refused(session, Subscribe(symbols=["AAA"], pace="latest", from_="tape:40")).details == {"field": "from"}
    tell(session, Subscribe(symbols=["AAA"], pace="latest"))
    assert refused(session, Subscribe(symbols=["BBB"], from_="tape:40")).details == {"field": "from"}
    [granted], _ = tell(session, Subscribe(symbols=["BBB"], pace="every", from_="tape:40"))
    assert granted.pace == "every"
