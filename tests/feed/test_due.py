"""Many readers: some are served a little later, and none of them can tell."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticker import universes
from ticker.config import MarketConfig
from ticker.feed import line as lines
from ticker.feed.audience import Audience
from ticker.feed.feed import Feed
from ticker.interest import Interest
from ticker.market.market import Market
from ticker.metrics import Metrics
from ticker.ticks import TRADES, Rows

CONFIG = MarketConfig(model="plain", instruments=3, arrivals="every_step")
WANTED = [Interest.of([TRADES], mask) for mask in (0b111, 0b001, 0b110)]


class Numbers:
    """Says of a tick which it is."""

    packs = False

    def render(self, channel: str, rows: Rows) -> list[bytes]:
        return [f"{channel} {row['instrument']} {row['n']};".encode() for row in rows]

    def ticks(self, seq: int, emitted_us: int, pieces: bytes) -> bytes:  # noqa: ARG002  # a protocol's arguments
        return pieces


class Somebody:
    """A reader that keeps what it was told."""

    def __init__(self, *, waits: bool = True, leaves_after: int = 1 << 30) -> None:
        self.waits = waits
        self.heard: list[int] = []
        self.audience: Audience | None = None
        self._leaves_after = leaves_after
        self.leave: Callable[[], None] = lambda: None

    def offer(self, frame: bytes, seq: int) -> None:
        assert frame
        self.heard.append(seq)
        if len(self.heard) == self._leaves_after:
            self.leave()


class Crowd:
    """A feed that serves two at once."""

    def __init__(self) -> None:
        self.market = Market(CONFIG, universes.load(CONFIG))
        self.feed = Feed("tape", 3, 1000, 10, Metrics())
        self.calls: list[Callable[[], None]] = []
        self.feed.soon = self.calls.append
        self.dialect = Numbers()

    def step(self) -> None:
        self.feed.publish(self.market.step(), 1)
        self.feed.flush()

    def turn(self) -> None:
        """Let the loop turn once."""
        calls, self.calls[:] = self.calls[:], []
        for call in calls:
            call()

    def join(self, reader: Somebody, interest: Interest = WANTED[0]) -> None:
        reader.audience = self.feed.audience(self.dialect, lambda message, _: message, interest)
        if reader.audience.key not in self.feed._audiences:
            known = [one for one in self.feed._audiences.values() if one.interest == interest]
            reader.audience = known[0] if known else reader.audience
        self.feed.join(reader, reader.audience)
        reader.leave = lambda: self.leave(reader)

    def leave(self, reader: Somebody) -> None:
        if reader.audience is not None:
            self.feed.due(reader)
            audience, reader.audience = reader.audience, None
            if audience is not None and reader in audience.live:
                self.feed.leave(reader, audience)


@pytest.fixture(autouse=True)
def two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "AT_ONCE", 2)


def test_those_who_wait_are_served_in_lots_and_others_at_once() -> None:
    crowd = Crowd()
    patient, hasty = [Somebody() for _ in range(5)], [Somebody(waits=False) for _ in range(3)]
    for reader in (*patient, *hasty):
        crowd.join(reader)
    crowd.step()
    served = []
    for _ in range(3):
        served.append(sum(len(reader.heard) for reader in patient))
        assert all(reader.heard == [1] for reader in hasty)
        crowd.turn()
    assert served == [2, 4, 5]
    assert crowd.feed.unsent == []
    assert crowd.calls == []


def test_the_next_flush_waits_for_nobody() -> None:
    crowd = Crowd()
    readers = [Somebody() for _ in range(7)]
    for reader in readers:
        crowd.join(reader)
    crowd.step()
    crowd.step()
    assert all(reader.heard[0] == 1 for reader in readers)
    assert len(crowd.calls) == 1  # however often
    crowd.turn()
    crowd.turn()
    crowd.turn()
    assert all(reader.heard == [1, 2] for reader in readers)


def test_without_anybody_to_call_later_all_are_served() -> None:
    crowd = Crowd()
    crowd.feed.soon = None
    readers = [Somebody() for _ in range(7)]
    for reader in readers:
        crowd.join(reader)
    crowd.step()
    assert all(reader.heard == [1] for reader in readers)


deeds = st.lists(
    st.one_of(
        st.tuples(st.just("step"), st.just(0)),
        st.tuples(st.just("turn"), st.just(0)),
        st.tuples(st.just("due"), st.integers(0, 8)),
        st.tuples(st.just("move"), st.integers(0, 8)),
    ),
    max_size=40,
)


@given(deeds, st.lists(st.integers(1, 6), min_size=9, max_size=9))
@settings(deadline=None)
def test_everybody_hears_every_step_of_its_time_in_order(deeds: list[tuple[str, int]], stays: list[int]) -> None:
    crowd = Crowd()
    readers = [Somebody(waits=number % 3 != 2, leaves_after=stays[number]) for number in range(9)]
    here: dict[Somebody, int] = {}
    for number, reader in enumerate(readers):
        crowd.join(reader, WANTED[number % len(WANTED)])
        here[reader] = 0
    for deed, number in deeds:
        reader = readers[number]
        if deed == "step":
            crowd.step()
        elif deed == "turn":
            crowd.turn()
        elif deed == "due":
            crowd.feed.due(reader)
            if reader.audience is not None:
                assert reader.heard == list(range(here[reader] + 1, crowd.feed.flushed + 1))
        elif reader.audience is None:
            crowd.join(reader, WANTED[number % len(WANTED)])
            here[reader] = crowd.feed.flushed
            reader.heard.clear()
        else:
            crowd.leave(reader)
            assert reader.heard == list(range(here[reader] + 1, crowd.feed.flushed + 1))
    crowd.feed.finish()
    for reader in readers:
        assert reader.heard == list(range(here[reader] + 1, here[reader] + 1 + len(reader.heard)))
        if reader.audience is not None:
            assert not reader.heard or reader.heard[-1] == crowd.feed.flushed
