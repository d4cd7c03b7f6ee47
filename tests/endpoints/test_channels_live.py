"""All channels of a running server: what each tells fits what the others tell, over every way to be told."""

import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from book_reader import BookReader, Change, Side, Standing
from conftest import RunningServer
from packed_client import PackedClient
from plain_client import PlainClient, assert_no_hole
from plain_http import fetch
from ticker.session.messages import Book
from ticker.ticks import ASK, BID, CHANNELS
from transcript import ask, find, polled, ticks_in, ticks_of

ALL = {"op": "subscribe", "symbols": ["*"], "channels": list(CHANNELS)}
CLIENTS = [PlainClient, PackedClient]


MODELS = {
    "plain": ("--market.model", "plain", "--market.trades-per-s", "40", "--market.quotes-per-s", "60"),
    "realistic": ("--market.model", "realistic", "--market.activity", "20"),
}


@pytest.fixture(scope="module", params=MODELS)
def server(request: pytest.FixtureRequest, serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker(*MODELS[request.param], "--instruments", "20")


@pytest.fixture(scope="module")
def plain(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker(*MODELS["plain"], "--instruments", "5")


class Reader:
    """The books of one client, by symbol."""

    def __init__(self) -> None:
        self.books = BookReader()
        self.history: dict[tuple[str, int], tuple[Side, Side]] = {}
        """Every book that was proved, by symbol and `n`."""
        self._numbers: dict[str, int] = {}

    def take(self, messages: list[dict[str, Any]]) -> None:
        for message in messages:
            for tick in message.get("data", ()):
                if tick["ch"] == "book":
                    number = self._numbers.setdefault(tick["sym"], len(self._numbers))
                    book = self.books.take(Change.of(number, msgspec.convert(tick, Book)))
                    if book is not None:
                        self.history[tick["sym"], book.n] = dict(book.sides[BID]), dict(book.sides[ASK])

    def standing(self, symbol: str) -> Standing:
        return self.books.books[self._numbers[symbol]]


def same(book: Standing, other: Standing) -> bool:
    return (book.n, book.sides) == (other.n, other.sides)


@pytest.mark.parametrize("client_class", CLIENTS)
def test_every_channel_is_live_and_without_a_hole(server: RunningServer, client_class: type[PlainClient]) -> None:
    with client_class(server.port) as client:
        messages = ask(client, ALL) + client.read(1.5)
    assert_no_hole(messages)
    shown = {message["channel"] for message in messages if message["type"] == "snapshot"}
    assert shown == set(CHANNELS)
    heard = {tick["ch"] for tick in ticks_of(messages)}
    assert {"quote", "book", "trade", "bar.1s", "bar.1m", "stats"} <= heard


@pytest.mark.parametrize("terms", [{}, {"pace": "latest", "rate_hz": 7}, {"pace": "latest", "rate_hz": 50}], ids=str)
@pytest.mark.parametrize("client_class", CLIENTS)
def test_a_book_that_is_followed_is_the_one_that_is_shown(
    server: RunningServer, client_class: type[PlainClient], terms: dict[str, Any]
) -> None:
    begun = fetch(server, "v1/snapshot?symbols=*&channels=book")[0]
    followed, shown, told = Reader(), Reader(), Reader()
    with client_class(server.port) as client:
        followed.take(ask(client, {**ALL, "channels": ["book"], **terms}))
        for _ in range(12):
            shown.take([fetch(server, "v1/snapshot?symbols=*&channels=book")[0]])
            followed.take(client.read(0.1))
        followed.take(client.read(0.3))
    assert shown.books.proved == 12 * 20
    assert len(followed.history) > 60
    head = fetch(server, "readyz")[0]["seq"]
    told.take([begun, {"data": polled(server, "*", "book", begun["epoch"], begun["seq"], head)}])
    assert all(told.history[key] == book for key, book in [*followed.history.items(), *shown.history.items()])


def test_the_snapshot_at_a_position_is_the_book_that_the_changes_up_to_it_make(server: RunningServer) -> None:
    here = fetch(server, "v1/snapshot?symbols=*&channels=book")[0]
    epoch, followed, shown = here["epoch"], Reader(), Reader()
    shown.take([here])
    seq = 0
    while seq < here["seq"]:
        answer = fetch(server, f"v1/ticks?symbols=*&channels=book&limit=1000&since={epoch}:{seq}")[0]
        followed.take([batch for batch in answer["batches"] if batch["seq"] <= here["seq"]])
        seq = answer["seq"]
    for symbol in {tick["sym"] for tick in here["data"]}:
        assert same(followed.standing(symbol), shown.standing(symbol))


def test_quotes_are_the_touch_of_the_book_and_trades_print_at_it(plain: RunningServer) -> None:
    while (ready := fetch(plain, "readyz")[0])["seq"] < 300:
        time.sleep(0.1)
    epoch = ready["epoch"]
    reader, trades, names = Reader(), 0, ",".join(CHANNELS)
    for batch in fetch(plain, f"v1/ticks?symbols=*&channels={names}&limit=300&since={epoch}:0")[0]["batches"]:
        reader.take([batch])
        for tick in batch["data"]:
            if tick["ch"] not in ("quote", "trade"):
                continue
            sides = reader.standing(tick["sym"]).sides
            bid, ask_price = max(sides[BID]), min(sides[ASK])
            if tick["ch"] == "quote":
                assert (round(tick["bid"] * 100), tick["bsz"]) == (bid, sides[BID][bid])
                assert (round(tick["ask"] * 100), tick["asz"]) == (ask_price, sides[ASK][ask_price])
            else:
                assert round(tick["px"] * 100) == (ask_price if tick["side"] == "buy" else bid)
                trades += 1
    assert trades > 100


def test_finished_bars_are_the_same_asked_for_and_told_and_add_up_to_the_trades(server: RunningServer) -> None:
    with PlainClient(server.port) as client:
        messages = ask(client, {**ALL, "symbols": ["ACME"], "channels": ["trades", "bars.1s"]}) + client.read(2.5)
    ticks = ticks_of(messages)
    told = [tick for tick in ticks if tick["ch"] == "bar.1s" and tick["done"]]
    asked_for = {bar["t"]: bar for bar in fetch(server, "v1/bars?symbol=ACME&interval=1s")[0]["bars"]}
    assert len(told) >= 2
    for bar in told:
        assert asked_for[bar["t"]] == {
            name: value for name, value in bar.items() if name not in ("ch", "sym", "n", "done")
        }
    whole = told[1]
    trades = [t for t in ticks if t["ch"] == "trade" and 0 <= t["t"] - whole["t"] < 1_000_000]
    prices = [trade["px"] for trade in trades]
    assert (whole["open"], whole["high"], whole["low"], whole["close"]) == (
        prices[0], max(prices), min(prices), prices[-1],
    )  # fmt: skip
    assert (whole["volume"], whole["trades"]) == (sum(trade["sz"] for trade in trades), len(trades))


@pytest.mark.parametrize("model", MODELS)
def test_at_pace_latest_what_is_merged_is_told_exactly(serve_ticker: Callable[..., RunningServer], model: str) -> None:
    server = serve_ticker(*MODELS[model], "--instruments", "5", "--stream.report-s", "0.5")
    channels = ["book", "bars.1s", "stats"]
    with PlainClient(server.port) as client:
        messages = ask(client, {**ALL, "channels": channels, "pace": "latest", "rate_hz": 5})
        messages += client.read(2.0) + client.read_until("lag", reason="pace")
    start, epoch = find(messages, "subscribed")["seq"], find(messages, "welcome")["epoch"]
    lags = [message for message in messages if message["type"] == "lag"]
    last = lags[-1]["to"]
    assert {lag["dropped"] for lag in lags} == {0}
    keys = [
        {(tick["ch"], tick["sym"], tick["n"]) for tick in message["data"]}
        for message in ticks_in(messages)
        if message["seq"] <= last
    ]
    query = f"symbols=*&channels={','.join(channels)}&limit=1000&since={epoch}:{start}"
    steps = fetch(server, f"v1/ticks?{query}")[0]["batches"]
    happened = sum(len(batch["data"]) for batch in steps if batch["seq"] <= last)
    assert sum(lag["conflated"] for lag in lags) == happened - sum(map(len, keys))
    assert all(len(found) == len({key[:2] for key in found}) for found in keys), "one value of each"


def test_statistics_are_those_of_all_trades(server: RunningServer) -> None:
    here = fetch(server, "v1/snapshot?symbols=ACME&channels=stats")[0]
    [stats] = here["data"]
    trades: list[dict[str, Any]] = []
    seq = 0
    while seq < here["seq"]:
        answer = fetch(server, f"v1/ticks?symbols=ACME&limit=1000&since={here['epoch']}:{seq}")[0]
        trades += [tick for batch in answer["batches"] for tick in batch["data"] if tick["t"] <= stats["t"]]
        seq = answer["seq"]
    prices = [trade["px"] for trade in trades]
    assert (stats["open"], stats["high"], stats["low"], stats["last"]) == (
        prices[0], max(prices), min(prices), prices[-1],
    )  # fmt: skip
    assert (stats["volume"], stats["trades"]) == (sum(trade["sz"] for trade in trades), len(trades))
    assert stats["previous"] == 187.32
    assert stats["change"] == round(stats["last"] - stats["previous"], 2)
