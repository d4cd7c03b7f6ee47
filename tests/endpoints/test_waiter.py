"""Polls that wait, against the tape: however steps, flushes and questions fall, every tick comes once and in order."""

from collections.abc import Callable
from typing import Any, cast

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from ticker import universes
from ticker.config import Config, HttpConfig, MarketConfig
from ticker.dialects.native import NativeDialect
from ticker.endpoints.house import House
from ticker.endpoints.http import Held, Request, Response
from ticker.endpoints.poll import Polls
from ticker.feed.feed import Feed
from ticker.market.market import Market
from ticker.metrics import Metrics
from ticker.session.terms import Terms
from ticker.ticks import CHANNELS, QUOTES, TRADES

MARKET = MarketConfig(model="plain", instruments=3, trades_per_s=20, quotes_per_s=20)
KINDS = {TRADES: "trade", QUOTES: "quote"}
QUERIES = {  # and whom they let through
    "symbols=*&channels=trades": lambda tick: tick[0] == "trade",
    "symbols=ACME": lambda tick: tick[:2] == ("trade", "ACME"),
    "symbols=ACME,BYTE&channels=trades,quotes": lambda tick: tick[0] != "other" and tick[1] in ("ACME", "BYTE"),
}


class Timer:
    """A timer that rings when the test says so."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self.ring = ring
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Place:
    """A market, its feed, and polls over it."""

    def __init__(self) -> None:
        self.market = Market(MARKET, universes.load(MARKET))
        self.feed = Feed(self.market.epoch, MARKET.instruments, 1000, 10, Metrics())
        self.timers: list[Timer] = []
        self.history: list[tuple[str, str, int]] = []
        house = House(
            config=Config(http=HttpConfig(scan_steps=30)),
            feed=self.feed,
            terms=Terms(self.market.universe, 10, window_max=100, rate_hz=10.0, rate_max_hz=100.0),
            dialect=NativeDialect(self.market.universe),
            metrics=Metrics(),
            loop=cast(Any, self),
            log=cast(Any, None),
            welcome=cast(Any, None),
            connections_max=10,
        )
        self.polls = Polls(house)

    def call_later(self, _: float, ring: Callable[[], None]) -> Timer:
        self.timers.append(Timer(ring))
        return self.timers[-1]

    def step(self) -> None:
        batch = self.market.step()
        self.history += [
            (KINDS.get(channel, "other"), self.market.universe[row["instrument"]].symbol, int(row["n"]))
            for channel in CHANNELS
            for row in batch.rows[channel]
        ]
        self.feed.publish(batch, 0)

    def owed(self, query: str) -> list[tuple[str, str, int]]:
        return [tick for tick in self.history if QUERIES[query](tick)]

    def ring(self) -> None:
        timers, self.timers = self.timers, []
        for timer in timers:
            if not timer.cancelled:
                timer.ring()


class Poller:
    """A client that asks again as soon as it is answered, unless it is told to dawdle."""

    def __init__(self, place: Place, query: str) -> None:
        self.place = place
        self.query = query
        self.seq = 0
        self.held: Held | None = None
        self.ticks: list[tuple[str, str, int]] = []

    def ask(self, limit: int, wait: int = 9) -> None:
        if self.held is not None:
            return
        since = f"{self.place.feed.tape.epoch}:{self.seq}"
        target = f"/v1/ticks?{self.query}&wait={wait}&since={since}&limit={limit}"
        answer = self.place.polls.ticks(Request("GET", target, "1.1", []))
        if isinstance(answer, Response):
            self.hear(answer)
        else:
            self.held = answer
            answer.begin(self.hear)

    def hear(self, response: Response) -> None:
        self.held = None
        document = orjson.loads(response.body or b"")
        assert document["seq"] >= self.seq
        self.seq = document["seq"]
        for batch in document["batches"]:
            assert batch["seq"] <= self.seq
            self.ticks += [(tick["ch"], tick["sym"], tick["n"]) for tick in batch["data"]]

    def hang_up(self) -> None:
        if self.held is not None:
            self.held.cancel()
            self.held = None


ACTIONS = st.one_of(
    st.tuples(st.just("step"), st.integers(1, 40)),
    st.tuples(st.just("ask"), st.integers(0, 2), st.integers(1, 5)),
    st.tuples(st.sampled_from(["flush", "ring"])),
    st.tuples(st.just("hang up"), st.integers(0, 2)),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(ACTIONS, max_size=60))
def test_every_tick_comes_once_and_in_order(actions: list[tuple[Any, ...]]) -> None:
    place = Place()
    place.step()
    pollers = [Poller(place, query) for query in QUERIES]
    for action, *arguments in actions:
        match action:
            case "step":
                for _ in range(arguments[0]):
                    place.step()
            case "ask":
                pollers[arguments[0]].ask(arguments[1])
            case "hang up":
                pollers[arguments[0]].hang_up()
            case "flush":
                place.feed.flush()
            case "ring":
                place.ring()
    for poller in pollers:
        poller.hang_up()
        while poller.seq < place.feed.tape.head:
            poller.ask(1000, wait=0)
        assert poller.held is None
        assert poller.ticks == place.owed(poller.query)
    assert place.polls.held == 0
    assert place.feed.audiences == 0
