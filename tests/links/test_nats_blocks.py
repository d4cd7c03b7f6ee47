"""Steps as messages: what comes out is what went in, in whatever parts; what waits for NATS is bounded."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticker.links.nats.backlog import KEPT_S, Backlog, Item
from ticker.links.nats.blocks import Assembler, Poison, check, letters, position_of
from ticker.ticks import BOOK, EMPTY, QUOTES, TRADES, Batch
from ticker.wire import reel

INSTRUMENTS = 3
EPOCH = "tape"


def batch(seq: int, rows: int = 2) -> Batch:
    """Return a step with so many trades."""
    trades = np.zeros(rows, EMPTY[TRADES].dtype)
    for field, value in (("n", seq), ("t", seq), ("price_ticks", 100), ("size", 1)):
        trades[field] = value
    return Batch(seq, seq, {**EMPTY, TRADES: trades})


def block(first: int, last: int, rows: int = 2) -> bytes:
    return reel.splice([(batch(seq, rows), seq + 1_000_000) for seq in range(first, last + 1)])


@given(st.integers(1, 50), st.integers(1, 5), st.integers(0, 400), st.integers(8192 + 1, 40_000))
def test_a_block_survives_in_parts(first: int, steps: int, rows: int, size_max: int) -> None:
    last = first + steps - 1
    data = block(first, last, rows)
    sent = letters(EPOCH, first, last, data, size_max)
    assert all(len(letter.data) <= size_max for letter in sent)
    assert len({letter.headers["Nats-Msg-Id"] for letter in sent}) == len(sent)
    reader = Assembler(EPOCH, INSTRUMENTS)
    *parts, whole = [reader.take(letter.headers, letter.data) for letter in sent]
    assert parts == [None] * (len(sent) - 1)
    assert whole is not None and (whole.first, whole.last) == (first, last)
    assert reel.splice(whole.cuts) == data
    assert [position_of(letter.headers, EPOCH) for letter in sent] == [*[None] * (len(sent) - 1), last]


@given(st.data())
def test_parts_that_are_lost_or_sent_again_make_no_other_block(data: st.DataObject) -> None:
    sent = letters(EPOCH, 1, 3, block(1, 3, 300), 9000)
    order = data.draw(st.lists(st.sampled_from(range(len(sent))), max_size=20))
    reader = Assembler(EPOCH, INSTRUMENTS)
    for at in order:
        found = reader.take(*sent[at])
        assert found is None or reel.splice(found.cuts) == block(1, 3, 300)
    assert [reader.take(*letter) is not None for letter in sent] == [False] * (len(sent) - 1) + [True]


@given(st.binary(max_size=300), st.text(max_size=20), st.text(max_size=12), st.text(max_size=8))
def test_whatever_comes_is_refused_or_a_block(data: bytes, position: str, first: str, part: str) -> None:
    headers = {"Ticker-Position": position, "Ticker-First": first, "Ticker-Part": part}
    for known in (headers, {**headers, "Ticker-Position": "tape:1", "Ticker-First": "1", "Ticker-Part": "1/1"}, {}):
        with pytest.raises(Poison):
            assert Assembler(EPOCH, INSTRUMENTS).take(known, data) is None
            raise Poison("a part alone")


@pytest.mark.parametrize(
    ("channel", "field", "value"),
    [
        (TRADES, "price_ticks", 0),
        (TRADES, "price_ticks", -1),
        (TRADES, "size", 0),
        (TRADES, "n", 0),
        (QUOTES, "bid_ticks", 0),
        (QUOTES, "ask_ticks", 99),
        (QUOTES, "ask_size", -5),
        (BOOK, "price_ticks", 0),
        (BOOK, "size", -1),
    ],
)
def test_prices_and_sizes_that_cannot_be(channel: str, field: str, value: int) -> None:
    rows = np.ones(2, EMPTY[channel].dtype)
    for name, good in (("bid_ticks", 100), ("ask_ticks", 101), ("price_ticks", 100)):
        if name in (rows.dtype.names or ()):
            rows[name] = good
    check(Batch(1, 1, {**EMPTY, channel: rows}))
    rows[field][1] = value
    with pytest.raises(Poison):
        check(Batch(1, 1, {**EMPTY, channel: rows}))


def item(seq: int, made_s: float = 0.0, size: int = 10) -> Item:
    return Item(seq, seq, bytes(size), made_s)


def test_a_backlog_sends_again_what_is_not_there() -> None:
    backlog = Backlog(1000)
    for seq in range(1, 11):
        backlog.add(item(seq))
    assert [backlog.next().last for _ in range(5)] == [1, 2, 3, 4, 5]
    backlog.resume(3, 0)
    assert backlog.waiting == 7 and backlog.next().last == 4
    backlog.resume(2, 0)  # NATS has lost what it had
    assert backlog.next().last == 3
    backlog.resume(99, 0)
    assert backlog.waiting == 0 and backlog.bytes_waiting == 0


def test_what_was_caused_is_sent_again_in_its_place() -> None:
    backlog = Backlog(1000)
    for one in (item(1), Item(1, 1, b"", 0.0, incident=4), item(2)):
        backlog.add(one)
    backlog.resume(1, 4)
    assert backlog.next().incident == 4
    backlog.resume(1, 5)
    assert backlog.next().last == 2


def test_a_backlog_is_bounded_and_counts_what_it_loses() -> None:
    backlog = Backlog(100)
    for seq in range(1, 21):
        backlog.add(item(seq))
    assert (len(backlog.items), backlog.bytes, backlog.lost, backlog.dropped) == (10, 100, 10, 10)
    backlog.resume(20, 0)
    backlog.add(item(21, made_s=KEPT_S + 1))  # what is stored stays a little
    assert len(backlog.items) == 1 and backlog.dropped == 10
