"""Studies of a real market, each against the plainest reckoning there is: a loop over all that the tape says."""

from typing import Any

import numpy as np
import pytest
from trading_floor import Listener, Trading

from ticker.config import MarketConfig
from ticker.feed.floor import Floor
from ticker.feed.sight import Sight
from ticker.interest import Streams
from ticker.metrics import Metrics
from ticker.ticks import ASK, BID, BOOK, BUY, QUOTES, TRADES, Batch, Rows
from ticker.venue import CHANGE, MONTH, SHOWN, Bars, Depth, Levels, Pulses, Quotes, States, Study, Summaries, Trades

SECOND, MINUTE = 1_000_000, 60_000_000
CONFIG = MarketConfig(universe="crypto", instruments=3, step_ms=50.0, activity=0.1)
ALL = 0b111
STUDIES: dict[str, Study] = {
    "trades": Trades(),
    "quotes": Quotes(),
    "states": States(),
    "every": Depth(0, shown=True),
    "tenth": Depth(SECOND // 10),
    "levels": Levels(5, SECOND),
    "bars": Bars(10 * MINUTE, 0, 2 * SECOND),
    "minutes": Bars(MINUTE),
    "seconds": Bars(SECOND, 0, SECOND, empty=True),
    "months": Bars(MONTH, 0, 30 * SECOND),
    "summaries": Summaries(3 * MINUTE),
    "whole": Summaries(3 * MINUTE, every_us=10 * SECOND, all=True),
    "traded": Summaries(on="trades"),
    "quoted": Summaries(on="quotes"),
    "pulses": Pulses(SECOND),
}


@pytest.fixture(scope="module")
def day() -> Trading:
    """Return four minutes of a market, all studies of it wanted from its twentieth second on."""
    trading = Trading(CONFIG, STUDIES)
    trading.steps(400)
    trading.want(Streams.of(STUDIES, ALL))
    trading.steps(4400, at_once=3)
    return trading


BEGUN = 400


def test_trades_and_quotes_are_those_of_the_tape_with_the_number_of_their_book(day: Trading) -> None:
    for channel, native in (("trades", TRADES), ("quotes", QUOTES)):
        told, there = day.told.of(channel), day.rows(native, BEGUN)
        assert len(told) == len(there) > 200
        for name in there.dtype.names or ():
            assert (told[name] == there[name]).all()
    counted = np.zeros(3, np.int64)
    expected = []
    for batch in day.batches:
        books = batch.rows[BOOK]
        counted[books["instrument"]] = books["n"]
        if batch.seq > BEGUN:
            expected += counted[batch.rows[TRADES]["instrument"]].tolist()
    assert day.told.of("trades")["book_n"].tolist() == expected


def image(day: Trading, instrument: int, n: int) -> dict[int, dict[int, int]]:
    """Return a book once its change `n` was made."""
    book: dict[int, dict[int, int]] = {BID: {}, ASK: {}}
    for row in day.rows(BOOK):
        if row["instrument"] == instrument and row["n"] <= n:
            if row["fresh"]:
                book = {BID: {}, ASK: {}}
            if row["size"]:
                book[int(row["side"])][int(row["price_ticks"])] = int(row["size"])
            else:
                book[int(row["side"])].pop(int(row["price_ticks"]), None)
    return book


@pytest.mark.parametrize("channel", ["every", "tenth"])
def test_depth_counts_without_a_hole_and_makes_the_book(day: Trading, channel: str) -> None:
    rows = day.told.of(channel)
    start = {i: day.rows(BOOK)["n"][day.rows(BOOK)["instrument"] == i] for i in range(3)}
    begun = {
        i: max([int(r["n"]) for b in day.batches[:BEGUN] for r in b.rows[BOOK] if r["instrument"] == i], default=0)
        for i in range(3)
    }
    for i in range(3):
        book = image(day, i, begun[i])
        own = rows[rows["instrument"] == i]
        last = begun[i]
        for message in np.split(own, np.flatnonzero(own["last"])[:-1] + 1):
            assert len(set(message["n"])) == len(set(message["first"])) == 1
            assert message["first"][0] == last + 1
            last = int(message["n"][0])
            assert last >= message["first"][0]
            changes = message[message["kind"] == CHANGE]
            assert len({(row["side"], row["price_ticks"]) for row in changes}) == len(changes)
            for row in changes:
                side = book[int(row["side"])]
                side.pop(int(row["price_ticks"]), None)
                if row["size"]:
                    side[int(row["price_ticks"])] = int(row["size"])
            shown = [tuple(map(int, r)) for r in message[message["kind"] == SHOWN][["side", "price_ticks", "size"]]]
            if channel == "every":
                asks = [(ASK, price, size) for price, size in sorted(book[ASK].items())]
                bids = [(BID, price, size) for price, size in sorted(book[BID].items(), reverse=True)]
                assert shown == asks + bids
            else:
                assert not shown
        if channel == "every":
            assert last == start[i][-1]
        assert book == image(day, i, last)


def test_depth_by_time_says_something_once_a_stretch(day: Trading) -> None:
    rows = day.told.of("tenth")
    ended = rows[(rows["instrument"] == 0) & (rows["last"] == 1)]["t"]
    assert (ended % (SECOND // 10) == 0).all()
    assert len(set(ended)) == len(ended) > 1000


def test_levels_are_the_best_of_the_book_when_a_second_has_passed(day: Trading) -> None:
    rows = day.told.of("levels")
    own = rows[rows["instrument"] == 0]
    messages = np.split(own, np.flatnonzero(own["last"])[:-1] + 1)
    assert len(messages) > 100
    for message in messages[:: len(messages) // 5]:
        assert message["t"][0] % SECOND == 0
        book = image(day, 0, int(message["n"][0]))
        asks = [(ASK, price, size) for price, size in sorted(book[ASK].items())[:5]]
        bids = [(BID, price, size) for price, size in sorted(book[BID].items(), reverse=True)[:5]]
        assert [tuple(map(int, row)) for row in message[["side", "price_ticks", "size"]]] == asks + bids


def reckoned(trades: Rows) -> dict[str, int]:
    """Return what trades come to."""
    bought = trades[trades["side"] == BUY]
    return {
        "open_ticks": int(trades["price_ticks"][0]),
        "high_ticks": int(trades["price_ticks"].max()),
        "low_ticks": int(trades["price_ticks"].min()),
        "close_ticks": int(trades["price_ticks"][-1]),
        "volume": int(trades["size"].sum()),
        "turnover": int((trades["size"] * trades["price_ticks"]).sum()),
        "trades": len(trades),
        "first": int(trades["n"][0]),
        "last": int(trades["n"][-1]),
        "taker_volume": int(bought["size"].sum()),
        "taker_turnover": int((bought["size"] * bought["price_ticks"]).sum()),
    }


def told(row: Any) -> dict[str, int]:
    return {name: int(row[name]) for name in reckoned_names(row)}


def reckoned_names(row: Any) -> list[str]:
    names = "open_ticks high_ticks low_ticks close_ticks volume turnover trades first last taker_volume taker_turnover"
    return [name for name in names.split() if name in row.dtype.names]


def between(day: Trading, instrument: int, since: int, until: int) -> Rows:
    """Return an instrument's trades from a moment (included) to another (excluded)."""
    trades = day.rows(TRADES)
    return trades[(trades["instrument"] == instrument) & (trades["t"] >= since) & (trades["t"] < until)]


@pytest.mark.parametrize(("channel", "length"), [("minutes", MINUTE), ("seconds", SECOND)])
def test_every_bar_is_finished_once_and_has_its_trades_in_it(day: Trading, channel: str, length: int) -> None:
    rows = day.told.of(channel)
    done = rows[rows["done"] == 1]
    for i in range(3):
        own = done[done["instrument"] == i]
        assert (np.diff(own["t"]) == length).all()
        assert len(own) == day.batches[-1].t // length - day.batches[BEGUN - 1].t // length
        assert (own["at"] == own["until"]).all()
        for row in own[:: max(1, len(own) // 20)]:
            there = between(day, i, int(row["t"]), int(row["until"]))
            if len(there):
                assert told(row) == {name: reckoned(there)[name] for name in reckoned_names(row)}
            else:
                assert (row["trades"], row["first"], row["last"], row["volume"]) == (0, -1, -1, 0)
                before = between(day, i, 0, int(row["t"]))
                prices = {int(row[name]) for name in ("open_ticks", "high_ticks", "low_ticks", "close_ticks")}
                assert prices == {int(before["price_ticks"][-1])}
    assert channel == "minutes" or (done["trades"] == 0).any()


@pytest.mark.parametrize("channel", ["bars", "months"])
def test_a_running_bar_has_what_was_traded_so_far(day: Trading, channel: str) -> None:
    rows = day.told.of(channel)
    running = rows[rows["done"] == 0]
    assert len(running) > 10
    for row in running[:: len(running) // 10]:
        there = between(day, int(row["instrument"]), int(row["t"]), int(row["at"]) + 1)
        assert told(row) == reckoned(there)
    if channel == "months":
        assert set(rows["t"]) == {1_767_225_600_000_000}
        assert set(rows["until"]) == {1_769_904_000_000_000}


@pytest.mark.parametrize("channel", ["summaries", "whole", "traded", "quoted"])
def test_a_summary_is_of_its_window_and_shows_what_stands(day: Trading, channel: str) -> None:
    rows = day.told.of(channel)
    trades, quotes = day.rows(TRADES), day.rows(QUOTES)
    for row in rows[:: max(1, len(rows) // 12)]:
        i, t = int(row["instrument"]), int(row["t"])
        there = between(day, i, int(row["since"]), t + 1)
        expected = {name: value for name, value in reckoned(there).items() if name in rows.dtype.names}
        assert {name: int(row[name]) for name in expected} == expected
        last = there[-1]
        assert (row["last_size"], row["last_side"], row["last_t"]) == (last["size"], last["side"], last["t"])
        quote = quotes[(quotes["instrument"] == i) & (quotes["t"] <= t)][-1]
        assert (row["bid_ticks"], row["ask_size"]) == (quote["bid_ticks"], quote["ask_size"])
        before = trades[(trades["instrument"] == i) & (trades["t"] < row["since"])]
        assert row["before_ticks"] == (before["price_ticks"][-1] if len(before) else 0)
        assert row["month_volume"] == trades[(trades["instrument"] == i) & (trades["t"] <= t)]["size"].sum()
    if channel == "whole":
        assert len(rows) == 3 * (220 // 10)


def test_pulses_come_for_all_every_second(day: Trading) -> None:
    rows = day.told.of("pulses")
    assert len(rows) == 3 * 220
    assert (rows["t"] % SECOND == 0).all()
    row = rows[-1]
    assert row["n"] == between(day, int(row["instrument"]), 0, int(row["t"]) + 1)["n"][-1]


def test_what_nobody_wants_is_not_made_and_comes_back_where_the_market_stands() -> None:
    trading = Trading(CONFIG, STUDIES)
    trading.steps(300)
    trading.want(Streams.of(["tenth", "trades"], 0b010))
    trading.steps(300)
    assert set(trading.told.of("trades")["instrument"]) == set(trading.told.of("tenth")["instrument"]) == {1}
    trading.want(Streams())
    trading.told.rows.clear()
    head = trading.desk.line.tape.head
    trading.steps(300)
    assert trading.desk.line.tape.head == head  # it is idle
    assert not trading.told.rows
    book = trading.sight.book(1)
    trading.want(Streams.of(["tenth"], 0b010))
    trading.steps(300)
    assert int(trading.told.of("tenth")["first"][0]) == book.n + 1


def test_a_fault_of_a_study_costs_its_own_desk_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    trading = Trading(CONFIG, STUDIES)
    other = trading.floor.desk(STUDIES.__getitem__, Metrics())
    neighbour = Listener()
    other.members[neighbour] = None
    other.change(Streams(), Streams.of(["trades"], ALL))
    trading.desk.members[trading.listener] = None
    trading.want(Streams.of(["pulses"], ALL))

    def fail(*_: Any) -> None:
        raise ArithmeticError("as planned")

    monkeypatch.setattr("ticker.feed.studies.Heartbeats.rows", fail)
    with pytest.raises(ArithmeticError, match="as planned"):
        trading.steps(1)
    assert trading.listener.lost_for == ["fault"]
    assert neighbour.lost_for == []
    assert other.line.tape.head == trading.feed.tape.head


def test_after_a_hole_everybody_goes_and_nothing_is_remembered() -> None:
    trading = Trading(CONFIG, STUDIES)
    trading.desk.members[trading.listener] = None
    trading.want(Streams.of(["trades"], ALL))
    trading.steps(200)
    assert len(trading.sight.trades(0, 10)) == 10
    shown = trading.market.step()
    everything = {channel: trading.feed.board.newest(channel, range(3)) for channel in shown.rows}
    trading.feed.leap(Batch(shown.seq + 100, shown.t + 5 * SECOND, everything))
    assert trading.listener.lost_for == ["source"]
    assert len(trading.sight.trades(0, 10)) == 0


def test_sight_shows_the_head(day: Trading) -> None:
    sight = day.sight
    for i in range(3):
        book = sight.book(i)
        there = image(day, i, book.n)
        assert book.bids == sorted(there[BID].items(), reverse=True)
        assert book.asks == sorted(there[ASK].items())
        trades = between(day, i, 0, 1 << 62)
        assert sight.trades(i, 7)["n"].tolist() == trades["n"][-7:].tolist()
        assert sight.trades(i, 3, first=int(trades["n"][-20]))["n"].tolist() == trades["n"][-20:-17].tolist()
        since, until = int(trades["t"][-30]), int(trades["t"][-10])
        assert sight.trades(i, 1000, since_us=since, until_us=until)["n"].tolist() == [
            int(row["n"]) for row in trades if since <= row["t"] <= until
        ]
        assert int(sight.quote(i)["book_n"][0]) == book.n
        assert sight.summaries([i])["trades"][0] == len(trades)
        assert sight.state(i) == 2  # trading


@pytest.mark.parametrize("bars", [Bars(MINUTE), Bars(3 * MINUTE), Bars(MINUTE * 60, -MINUTE * 30), Bars(MONTH)])
def test_history_adds_up(day: Trading, bars: Bars) -> None:
    for i in range(3):
        rows = day.sight.bars(i, bars, 1000)
        assert (rows["until"][:-1] == rows["t"][1:]).all()
        assert rows["done"].tolist() == [1] * (len(rows) - 1) + [0]
        for row in rows:
            there = between(day, i, int(row["t"]), int(row["until"]))
            assert row["trades"] == len(there)
            assert not len(there) or told(row) == reckoned(there)
        assert rows["trades"].sum() == len(between(day, i, 0, 1 << 62))
        assert len(day.sight.bars(i, bars, 1)) == 1
        first = int(rows["t"][0])
        assert day.sight.bars(i, bars, 1, since_us=first)["t"].tolist() == [first]
        assert day.sight.bars(i, bars, 5, until_us=first)["t"].tolist() == [first]


@pytest.mark.parametrize("size_bytes", [65_536, 300_000])
def test_what_is_kept_is_bounded_and_right(size_bytes: int) -> None:
    trading = Trading(CONFIG, STUDIES, size_bytes)
    trading.steps(2400)
    kept = trading.sight.trades(0, 10_000)
    assert 0 < len(kept) <= trading.floor.ledger.trades_kept
    assert kept["n"].tolist() == list(range(int(kept["n"][-1]) - len(kept) + 1, int(kept["n"][-1]) + 1))
    seconds = trading.sight.bars(0, Bars(SECOND, empty=True), 10_000)
    assert 0 < len(seconds) <= trading.floor.ledger.seconds.kept
    for row in seconds[1::7]:
        there = between(trading, 0, int(row["t"]), int(row["until"]))
        assert row["volume"] == there["size"].sum()


def test_over_a_night_there_are_no_bars() -> None:
    config = MarketConfig(instruments=2, step_ms=20_000.0)
    trading = Trading(config, STUDIES)
    trading.want(Streams.of(["minutes"], 0b11))
    trading.steps(2 * 1200)
    days = {int(row["t"]) // (24 * 60 * MINUTE) for row in trading.told.of("minutes")}
    assert len(days) >= 2
    hours = {int(row["t"]) // MINUTE % 1440 for row in trading.told.of("minutes")}
    assert min(hours) >= 14 * 60 + 25
    rows = trading.sight.bars(0, Bars(MINUTE), 10_000)
    assert len(rows) > 700
    for row in rows[:: len(rows) // 10]:
        assert row["trades"] == len(between(trading, 0, int(row["t"]), int(row["until"])))


def test_a_floor_that_is_set_up_between_two_flushes_counts_nothing_twice() -> None:
    trading = Trading(CONFIG, STUDIES)
    trading.steps(600)
    for _ in range(100):
        batch = trading.market.step()
        trading.batches.append(batch)
        trading.feed.publish(batch, 1)
    assert trading.feed.flushed < trading.feed.tape.head
    later = Floor(trading.feed, len(trading.universe), 4_000_000, trading.faults.append)
    trading.steps(100)
    for i in range(3):
        there = between(trading, i, 0, 1 << 62)
        rows = Sight(later, trading.universe).bars(i, Bars(MINUTE), 1000)
        assert rows["trades"].sum() == len(there) > 0
        assert rows["volume"].sum() == there["size"].sum()
