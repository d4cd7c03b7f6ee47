"""The client's half: what is missing is proved by `n`, acks fall due, and wishes outlive a connection."""

from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from said import faults, following, lag, quote, snapshot, ticks, trade, welcome
from ticker.session.client import ClientSession, Gap
from ticker.session.messages import (
    Ack,
    Closing,
    Heartbeat,
    Lag,
    Subscribed,
    Ticks,
    Unsubscribed,
    Welcome,
)
from ticker.ticks import QUOTES, TRADES


def test_a_tape_without_a_hole_has_no_fault() -> None:
    session = following(trade(5), trade(6), quote(1), trade(1, "BBB"), quote(2), trade(7), trade(2, "BBB"))
    assert faults(session) == (0, 0, 0)
    assert (session.messages, session.ticks, session.seq) == (7, 7, 7)
    assert session.position == ("tape", 7)


def test_the_first_tick_of_a_symbol_may_have_any_number() -> None:
    assert faults(following(trade(551))) == (0, 0, 0)


def test_a_hole_is_counted_and_told() -> None:
    session = following(trade(5), quote(5), trade(9), quote(7))
    assert faults(session) == (4, 0, 0)
    assert session.gaps == [Gap(TRADES, "AAA", 5, 9), Gap(QUOTES, "AAA", 5, 7)]


def test_a_repeat_is_counted() -> None:
    session = following(trade(5), trade(5), trade(6))
    assert faults(session) == (0, 1, 0)
    assert session.gaps == []


@pytest.mark.parametrize(("second", "reordered"), [(1, 1), (0, 1), (2, 0)])
def test_positions_that_do_not_rise_are_counted(second: int, reordered: int) -> None:
    session = ClientSession(ack_every=10)
    session.receive(ticks(1, trade(1)))
    session.receive(ticks(second, trade(2)))
    assert session.reordered == reordered
    assert session.seq == max(1, second)


@given(st.lists(st.integers(1, 6), min_size=1))
@settings(deadline=None)
def test_a_sequence_of_numbers_is_judged_like_a_list(numbers: list[int]) -> None:
    session = following(*(trade(n) for n in numbers))
    pairs = list(zip(accumulate(numbers, max), numbers[1:], strict=False))  # the newest so far, and what came
    assert session.missed == sum(max(0, after - before - 1) for before, after in pairs)
    assert session.repeated == sum(after <= before for before, after in pairs)


@given(st.sets(st.integers(1, 30), min_size=1))
@settings(deadline=None)
def test_what_was_left_out_of_a_tape_is_exactly_what_is_missed(had: set[int]) -> None:
    session = following(*(trade(n, symbol) for n in sorted(had) for symbol in ("AAA", "BBB")))
    left_out = set(range(min(had), max(had))) - had
    assert faults(session) == (2 * len(left_out), 0, 0)
    told = [n for gap in session.gaps if gap.symbol == "AAA" for n in range(gap.after_n + 1, gap.before_n)]
    assert told == sorted(left_out)


@given(st.integers(1, 6), st.integers(0, 40))
@settings(deadline=None)
def test_an_ack_is_due_after_every_so_many_messages(ack_every: int, messages: int) -> None:
    session = ClientSession(ack_every)
    acks = [session.receive(ticks(10 * k, trade(k))) for k in range(1, messages + 1)]
    assert [ack for ack in acks if ack] == [Ack(seq=10 * k) for k in range(ack_every, messages + 1, ack_every)]


def test_only_ticks_are_acknowledged() -> None:
    session = ClientSession(ack_every=1)
    for message in (welcome(), snapshot(3, trade(1)), Heartbeat(seq=1, ts=1, sent=1), lag(1)):
        assert session.receive(message) is None
    assert session.receive(Closing(code=1001, reason="", reconnect_after_s=None)) is None


def test_acks_are_counted_anew_on_a_new_connection() -> None:
    session = ClientSession(ack_every=2)
    session.receive(ticks(1, trade(1)))
    session.receive(welcome(seq=1))
    assert session.receive(ticks(2, trade(2))) is None
    assert session.receive(ticks(3, trade(3))) == Ack(seq=3)


def test_a_snapshot_is_where_a_symbol_begins() -> None:
    session = ClientSession(ack_every=10)
    session.receive(snapshot(3, trade(5)))
    session.receive(ticks(4, trade(6)))
    assert faults(session) == (0, 0, 0)
    session.receive(ticks(5, trade(8)))
    assert faults(session) == (1, 0, 0)
    assert session.ticks == 2, "a snapshot is no tick of the tape"


@pytest.mark.parametrize(("shown", "missed"), [(6, 0), (7, 1), (8, 2)])
def test_a_snapshot_shows_what_was_missed_before_it(shown: int, missed: int) -> None:
    session = following(trade(5))
    session.receive(snapshot(9, trade(shown)))
    session.receive(ticks(10, trade(shown + 1)))
    assert faults(session) == (missed, 0, 0)
    assert session.gaps == ([Gap(TRADES, "AAA", 5, shown)] if missed else [])


@pytest.mark.parametrize("shown", [5, 4])
def test_a_snapshot_of_what_we_have_is_no_news(shown: int) -> None:
    session = following(trade(5))
    session.receive(snapshot(1, trade(shown)))
    session.receive(ticks(2, trade(6)))
    assert faults(session) == (0, 0, 0)


def test_a_lag_that_is_announced_is_not_a_miss() -> None:
    session = following(trade(5))
    session.receive(lag(dropped=7))
    session.receive(snapshot(9, trade(13)))
    session.receive(ticks(10, trade(14)))
    assert faults(session) == (0, 0, 0)
    assert session.lagged == 7


def test_what_was_conflated_is_lagged_too() -> None:
    session = ClientSession(ack_every=10)
    session.receive(Lag(from_=0, to=9, dropped=3, conflated=4, reason="window"))
    assert session.lagged == 7


def test_what_is_unsubscribed_is_not_followed() -> None:
    session = following(trade(5), trade(5, "BBB"), quote(5))
    session.receive(Unsubscribed(seq=3, subscriptions={TRADES: ["BBB"], QUOTES: ["*"]}))
    session.receive(ticks(9, trade(10), trade(7, "BBB"), quote(8)))
    assert [(gap.channel, gap.symbol) for gap in session.gaps] == [(TRADES, "BBB"), (QUOTES, "AAA")]


def test_after_a_reconnect_to_the_same_tape_a_hole_is_a_miss() -> None:
    session = following(trade(5))
    session.receive(welcome(seq=100))
    session.receive(snapshot(100, trade(9)))
    assert faults(session) == (3, 0, 0)


@pytest.mark.parametrize("hello", [welcome(epoch="other", seq=100), welcome(seq=0)], ids=["other", "restarted"])
def test_another_tape_begins_anew(hello: Welcome) -> None:
    session = following(trade(5))
    session.receive(hello)
    assert session.position == (hello.epoch, 0)
    session.receive(ticks(1, trade(1)))
    assert faults(session) == (0, 0, 0)


def wishes(session: ClientSession) -> dict[str, list[str]]:
    return {channel: wish.symbols for wish in session.wishes() for channel in wish.channels}


def test_nothing_is_wished_for_at_first() -> None:
    assert ClientSession(1).wishes() == []


def granted(
    session: ClientSession, subscriptions: dict[str, list[str]], message_id: str | int = 1, seq: int = 1
) -> None:
    """Let the server say what is subscribed."""
    session.receive(
        Subscribed(
            id=message_id,
            seq=seq,
            channels=list(subscriptions),
            symbols=["AAA"],
            pace="every",
            snapshot=True,
            on_lag="skip",
            subscriptions=subscriptions,
        )
    )


def test_what_was_granted_is_asked_for_again() -> None:
    session = ClientSession(1)
    granted(session, {TRADES: ["AAA"]})
    granted(session, {TRADES: ["AAA", "BBB"], QUOTES: ["*"]})
    assert wishes(session) == {TRADES: ["AAA", "BBB"], QUOTES: ["*"]}


def test_what_was_taken_back_is_not_asked_for_again() -> None:
    session = ClientSession(1)
    granted(session, {TRADES: ["*"]})
    session.receive(Unsubscribed(id=2, seq=1, subscriptions={TRADES: ["BBB", "CCC"]}))
    assert wishes(session) == {TRADES: ["BBB", "CCC"]}


def test_a_part_that_is_restored_does_not_make_the_rest_forgotten() -> None:
    session = ClientSession(1)
    granted(session, {TRADES: ["AAA"], QUOTES: ["AAA"]})
    first, _ = session.wishes()
    assert isinstance(first.id, str)
    granted(session, {TRADES: ["AAA"]}, first.id)
    assert wishes(session) == {TRADES: ["AAA"], QUOTES: ["AAA"]}


def test_a_grant_amid_a_restore_does_not_make_the_rest_forgotten() -> None:
    session = ClientSession(1)
    granted(session, {TRADES: ["AAA"], QUOTES: ["AAA"]})
    restore = session.wishes()[0].id
    assert isinstance(restore, str)
    granted(session, {TRADES: ["AAA"]}, restore)
    granted(session, {TRADES: ["AAA", "BBB"]}, 5)
    granted(session, {TRADES: ["AAA", "BBB"], QUOTES: ["AAA"]}, restore)
    assert wishes(session) == {TRADES: ["AAA", "BBB"], QUOTES: ["AAA"]}


def test_many_symbols_are_asked_for_in_messages_a_server_takes() -> None:
    session = ClientSession(1)
    symbols = [f"SYM{number:04d}" for number in range(1200)]
    granted(session, {TRADES: symbols})
    said = session.wishes()
    assert [symbol for wish in said for symbol in wish.symbols] == symbols
    assert max(len(wish.symbols) for wish in said) <= 500


# Positions to go on from.


def test_there_is_nothing_to_resume_at_first() -> None:
    session = ClientSession(1)
    assert session.resumption() is None
    session.receive(welcome(seq=7))
    granted(session, {})
    assert session.resumption() is None


def test_a_resumption_asks_for_everything_from_the_position_reached() -> None:
    session = ClientSession(1)
    session.receive(welcome(seq=7))
    granted(session, {TRADES: ["AAA"], QUOTES: ["*"]}, seq=8)
    session.receive(ticks(12, trade(5)))
    wish = session.resumption()
    assert wish is not None
    assert (wish.subscriptions, wish.from_, wish.symbols) == ({TRADES: ["AAA"], QUOTES: ["*"]}, "tape:12", [])


def test_a_first_subscription_begins_where_it_was_granted() -> None:
    session = ClientSession(1)
    session.receive(welcome(seq=7))
    granted(session, {TRADES: ["AAA"]}, seq=8)
    assert session.position == ("tape", 8), "before any tick has come: there is none before it"
    granted(session, {TRADES: ["AAA", "BBB"]}, seq=20)
    assert session.position == ("tape", 8), "what came to AAA since then has still to come"


def test_signs_of_life_move_the_position() -> None:
    session = following(trade(5))
    session.receive(Heartbeat(seq=9, ts=1, sent=1))
    assert session.position == ("tape", 9)
    session.receive(lag(1))
    session.receive(Lag(from_=9, to=30, dropped=1, conflated=0, reason="slow_reader"))
    assert session.position == ("tape", 30)
    session.receive(ticks(31, trade(9)))
    assert faults(session) == (0, 0, 0)


def test_a_heartbeat_before_the_restoring_moves_nothing() -> None:
    session = following(trade(5))
    granted(session, {TRADES: ["AAA"]})
    session.receive(welcome(seq=50))
    session.receive(Heartbeat(seq=60, ts=1, sent=1))
    assert session.position == ("tape", 1), "the server did not know yet what we wanted"
    restore = session.wishes()[0].id
    assert isinstance(restore, str)
    granted(session, {TRADES: ["AAA"]}, restore, seq=61)
    session.receive(Heartbeat(seq=70, ts=1, sent=1))
    assert session.position == ("tape", 70)


def test_another_tape_is_counted_as_a_restart() -> None:
    session = following(trade(5))
    assert session.restarts == 0
    granted(session, {TRADES: ["AAA"]})
    session.receive(welcome(seq=1))
    assert session.restarts == 0, "the same tape, and we have been there"
    session.receive(welcome(epoch="other", seq=100))
    assert session.restarts == 1
    assert session.resumption() is None
    assert wishes(session) == {TRADES: ["AAA"]}


def received(session: ClientSession, *messages: Ticks) -> list[int]:
    """Take messages in as a client does; return the `n` that were news."""
    news = []
    for message in messages:
        fresh = session.fresh(message)
        session.receive(fresh)
        news += [tick.n for tick in fresh.data]
    return news


def test_what_a_snapshot_has_shown_is_no_news() -> None:
    session = following(trade(5))
    session.receive(snapshot(10, trade(8, "BBB")))
    late = (ticks(2, trade(6), trade(7, "BBB")), ticks(12, trade(8, "BBB"), trade(9, "BBB"), trade(7)))
    assert received(session, *late) == [6, 9, 7]
    assert faults(session) == (0, 0, 0)
    assert received(session, ticks(13, trade(9, "BBB"))) == [9], "but a repeat after that is one"
    assert faults(session) == (0, 1, 0)


def test_what_was_had_before_going_back_is_no_news() -> None:
    session = following(trade(5), trade(6), trade(7), trade(8))
    session.receive(snapshot(2, trade(3, "BBB")))
    session.go_on_from(2)
    assert session.position == ("tape", 2)
    again = (ticks(3, trade(7), trade(4, "BBB")), ticks(6, trade(8), trade(5, "BBB"), trade(9)))
    assert received(session, *again) == [4, 5, 9]
    assert faults(session) == (0, 0, 0)


def test_a_message_without_news_still_moves_the_position_and_falls_due() -> None:
    session = ClientSession(ack_every=2)
    session.receive(ticks(5, trade(5)))
    session.go_on_from(3)
    message = session.fresh(ticks(4, trade(4)))
    assert message.data == []
    assert session.receive(message) == Ack(seq=4)
    assert session.position.seq == 4


@given(st.data())
def test_going_back_never_makes_a_hole_or_a_repeat(data: st.DataObject) -> None:
    tape = [ticks(seq, trade(seq), trade(seq, "BBB")) for seq in range(1, 13)]
    session = ClientSession(ack_every=1000)
    session.receive(welcome())
    news: list[int] = []
    place = 0
    while place < len(tape):
        size = data.draw(st.integers(1, 4))
        merged = ticks(
            tape[min(place + size, len(tape)) - 1].seq, *(t for m in tape[place : place + size] for t in m.data)
        )
        news += received(session, merged)
        place += size
        if place < len(tape) and data.draw(st.booleans()):
            place = data.draw(st.integers(max(0, place - 5), place))
            session.go_on_from(place)
    assert news == [seq for seq in range(1, 13) for _ in range(2)]
    assert faults(session) == (0, 0, 0)
