"""The client's half: acks of what is processed, windows, pace, and rows in place of ticks."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from said import faults, following, snapshot, ticks, trade, welcome
from ticker.session.client import ClientSession, Gap, Paced
from ticker.session.messages import (
    Ack,
    Lag,
    Listing,
    Subscribed,
    Window,
    WindowGranted,
)
from ticker.ticks import DTYPES, TRADES, Rows

# Acknowledgements of what is processed, which may be later than it came.


def processed(session: ClientSession, *seqs: int) -> list[int]:
    """Let messages be made use of; return what was acknowledged."""
    acks = [session.processed(seq, session.connection) for seq in seqs]
    return [ack.seq for ack in acks if ack]


def test_what_has_come_is_not_acknowledged_before_it_is_processed() -> None:
    session = ClientSession(ack_every=2)
    session.note(welcome())
    for seq in range(1, 9):
        session.note(ticks(seq, trade(seq)))
    assert session.farewell() is None
    assert processed(session, 1, 2, 3) == [2]
    assert session.farewell() == Ack(seq=3)
    assert session.farewell() is None


def test_nothing_of_an_earlier_connection_is_acknowledged() -> None:
    session = ClientSession(ack_every=2)
    session.note(welcome())
    session.note(ticks(1, trade(1)))
    earlier = session.connection
    assert session.processed(1, earlier) is None
    session.note(welcome(seq=5))
    assert session.farewell() is None
    assert session.processed(1, earlier) is None and session.processed(1, earlier) is None
    assert processed(session, 6, 7) == [7]


def test_without_a_number_nothing_is_acknowledged() -> None:
    session = ClientSession(None)
    assert processed(session, 1, 2, 3) == [] and session.farewell() is None
    assert session.opening() is None


@given(st.integers(1, 9), st.integers(0, 9), st.lists(st.booleans(), max_size=60))
def test_a_window_never_stays_shut(window: int, granted: int, turns: list[bool]) -> None:
    """However coming and processing take turns: when all is processed, there is room again."""
    session = ClientSession(ack_every=window, window=window)
    assert session.opening() == Window(id="window", size=window)
    session.note(welcome())
    session.note(WindowGranted(size=min(granted, window)))
    room = min(granted, window) or 10**9
    sent = taken = acked = 0
    for come in [*turns, *[False] * 60]:
        if come and sent - acked < room:
            sent += 1
            session.note(ticks(sent, trade(sent)))
        elif not come and taken < sent:
            taken += 1
            acked = max([acked, *processed(session, taken)])
    assert taken == sent
    assert sent - acked < room


# Pace.


def paced(session: ClientSession, pace: str, rate_hz: float | None = None) -> None:
    """Let the server say at which pace it goes on."""
    session.receive(
        Subscribed(
            id=1,
            seq=1,
            channels=[TRADES],
            symbols=["AAA"],
            pace=pace,
            rate_hz=UNSET if rate_hz is None else rate_hz,
            snapshot=True,
            on_lag="skip",
            subscriptions={TRADES: ["AAA"]},
        )
    )


def test_at_pace_latest_a_jump_is_a_merge() -> None:
    session = following(trade(5))
    paced(session, "latest", 4.0)
    for seq, n in ((2, 9), (3, 10), (4, 30)):
        session.receive(ticks(seq, trade(n)))
    session.receive(snapshot(5, trade(33)))
    assert faults(session) == (0, 0, 0) and session.gaps == []
    assert session.merged == 3 + 19 + 2


def test_what_was_merged_is_no_loss() -> None:
    session = following(trade(5))
    paced(session, "latest")
    session.receive(Lag(from_=0, to=9, dropped=0, conflated=4, reason="pace"))
    assert (session.lagged, session.reached) == (0, 1)
    session.receive(ticks(8, trade(10)))
    assert session.merged == 4


def test_back_at_every_the_proof_begins_with_the_next_tick() -> None:
    session = following(trade(5))
    paced(session, "latest")
    session.receive(ticks(2, trade(9)))
    paced(session, "every")
    session.receive(ticks(3, trade(12)))
    assert (faults(session), session.merged) == ((0, 0, 0), 3)
    session.receive(ticks(4, trade(14)))
    assert (faults(session), session.merged) == ((1, 0, 0), 3)


def test_the_latest_is_asked_for_again_with_snapshots() -> None:
    session = following(trade(5))
    paced(session, "latest", 4.0)
    assert session.paced == Paced("latest", 4.0)
    assert session.resumption() is None
    (wish,) = session.wishes()
    assert (wish.pace, wish.rate_hz, wish.from_) == ("latest", 4.0, UNSET)
    paced(session, "every")
    wanted = session.resumption()
    assert wanted is not None and (wanted.pace, wanted.rate_hz) == (UNSET, UNSET)


# Rows.


def rows_of(*pairs: tuple[int, int]) -> dict[str, Rows]:
    """Return trades by number and `n`."""
    rows = np.zeros(len(pairs), DTYPES[TRADES])
    rows["instrument"], rows["n"] = zip(*pairs, strict=True)
    return {TRADES: rows}


def test_rows_are_followed_like_ticks() -> None:
    session = ClientSession(ack_every=None)
    session.receive(welcome())
    session.receive(Listing(symbols=["AAA", "BBB"], tick_sizes=[0.01, 0.01], decimals=[2, 2]))
    session.note_shown(3, rows_of((0, 5)))
    assert {c: r["n"].tolist() for c, r in session.fresh_rows(rows_of((0, 4), (0, 5), (1, 1))).items()} == {TRADES: [1]}
    assert session.fresh_rows(rows_of((0, 5))) == {}
    session.note_rows(2, rows_of((1, 1)))
    session.note_rows(4, rows_of((0, 6), (0, 7), (1, 3)))
    assert (session.messages, session.ticks, session.position.seq) == (2, 4, 4)
    assert session.gaps == [Gap(TRADES, "BBB", 1, 3)]
    session.receive(ticks(5, trade(9)))
    assert session.gaps[1:] == [Gap(TRADES, "AAA", 7, 9)], "the same symbol, one by one"
