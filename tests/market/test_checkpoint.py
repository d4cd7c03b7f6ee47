"""Checkpoints: a run that goes on from one is the run that never stopped, byte for byte."""

import hashlib
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticker import universes
from ticker.config import MarketConfig
from ticker.errors import SetupError
from ticker.market.checkpoint import MAGIC, pack, unpack
from ticker.market.incidents import Incident
from ticker.market.market import Market
from ticker.market.walk import BLOCK_STEPS
from ticker.ticks import CHANNELS, DTYPES, TRADES, Batch

SMALL = MarketConfig(model="plain", instruments=5, trades_per_s=40.0, quotes_per_s=60.0)
END = 3 * BLOCK_STEPS + 7
PLAN = (
    Incident("halt", 20, (0, 1), 80),
    Incident("freeze", 50, (1, 2, 3)),
    Incident("thaw", 130, (2, 3)),
    Incident("resume", 90, (0,)),
)

moments = st.integers(0, END - 1)


def market_of(config: MarketConfig, nonce: str = "") -> Market:
    return Market(config, universes.load(config), nonce)


def made(batch: Batch) -> tuple[Any, ...]:
    return (batch.seq, batch.t, *(batch.rows[channel].tobytes() for channel in CHANNELS))


def planned() -> Market:
    market = market_of(SMALL)
    for incident in PLAN:
        market.cause(incident)
    return market


@given(moments, st.booleans())
@settings(max_examples=40)
def test_a_run_goes_on_from_any_step_as_if_it_had_never_stopped(stop: int, prepared: bool) -> None:
    market = planned()
    for _ in range(stop):
        market.step()
    if prepared:
        market.prepare()
    data = market.save()
    again = market_of(SMALL)
    again.load(data)
    assert (again.seq, again.epoch) == (stop, market.epoch)
    assert again.save() == data
    assert [made(again.step()) for _ in range(stop, END)] == [made(market.step()) for _ in range(stop, END)]


@given(st.lists(moments, max_size=4), moments)
@settings(max_examples=30)
def test_what_was_caused_on_the_way_is_in_it_and_a_plan_of_it_makes_the_same(asked: list[int], stop: int) -> None:
    market, shown = market_of(SMALL), []
    stopped: Market | None = None
    batches = []
    for seq in range(END):
        if seq == stop:
            stopped = market_of(SMALL)
            stopped.load(market.save())
        for number in range(asked.count(seq)):
            incident = Incident("halt" if seq % 2 else "freeze", 0, (number % 5,), 30)
            shown.append(Incident(incident.kind, market.cause(incident), incident.instruments, incident.steps))
            if stopped:
                stopped.cause(shown[-1])
        batches.append(made(market.step()))
        if stopped:
            assert made(stopped.step()) == batches[-1]
        if seq % 3:
            market.prepare()
    plan = market_of(SMALL)
    for incident in shown:
        assert plan.cause(incident) == incident.step
    assert [made(plan.step()) for _ in range(END)] == batches


def test_it_takes_the_name_of_the_tape_along() -> None:
    first = market_of(SMALL, nonce="once")
    assert first.epoch not in (market_of(SMALL).epoch, market_of(SMALL, nonce="twice").epoch)
    again = market_of(SMALL, nonce="twice")
    again.load(first.save())
    assert again.epoch == first.epoch


@pytest.mark.parametrize("fields", [{"seed": 2}, {"instruments": 4}, {"step_ms": 20.0}, {"trades_per_s": 41.0}])
def test_another_market_does_not_take_it(fields: dict[str, Any]) -> None:
    with pytest.raises(SetupError, match="another market"):
        market_of(msgspec.structs.replace(SMALL, **fields)).load(market_of(SMALL).save())


@given(st.integers(0, 2000), st.integers(1, 255))
@settings(max_examples=50)
def test_damage_is_noticed(place: int, flip: int) -> None:
    data = bytearray(market_of(SMALL).save())
    data[place % len(data)] ^= flip
    with pytest.raises(SetupError, match="checkpoint"):
        market_of(SMALL).load(bytes(data))


@pytest.mark.parametrize("data", [b"", b"PNG", MAGIC, MAGIC + b"x" * 40])
def test_what_is_no_checkpoint_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(SetupError, match="checkpoint"):
        unpack(data)


def test_a_state_comes_back_as_it_was() -> None:
    rows = np.zeros(3, DTYPES[TRADES])
    rows["n"] = [1, 2, 3]
    state = {"text": "a", "number": 2**62, "nested": {"bytes": b"\x00", "rows": rows, "grid": np.eye(2, dtype="<i4")}}
    found = unpack(pack(state))
    assert (found["text"], found["number"], found["nested"]["bytes"]) == ("a", 2**62, b"\x00")
    for name in ("rows", "grid"):
        given_, back = state["nested"][name], found["nested"][name]  # type: ignore[index]
        assert (back.dtype, back.shape, back.tobytes()) == (given_.dtype, given_.shape, given_.tobytes())
        assert back.flags.writeable
    with pytest.raises(TypeError):
        pack({"thing": object()})


@pytest.mark.parametrize(
    "state", [["<i8", [3], b""], ["O", [1], bytes(8)], [[["a"]], [1], b""], ["<i8,(", [0], b""], 7]
)
def test_what_only_looks_like_one_is_said_to_be_none(state: object) -> None:
    """The digest is right: somebody has made it so."""
    array = msgspec.msgpack.Ext(1, msgspec.msgpack.encode(state))
    for body in (msgspec.msgpack.encode({"state": array}), msgspec.msgpack.encode([1]), b"\xc1"):
        with pytest.raises(SetupError, match="checkpoint"):
            unpack(MAGIC + hashlib.sha256(body).digest() + body)
