"""From messages to steps: taken apart, given their times, gathered into pictures; a Keeper against a fake server."""

from pathlib import Path

import numpy as np
import pytest

from golden_tape import MORNING, SCRIPT, market_of
from recorded import assert_same, label_of, made
from ticker.config import MarketConfig
from ticker.errors import SetupError
from ticker.links.recorder import Recorder
from ticker.links.recording import Recording
from ticker.session.messages import Welcome
from ticker.session.requests import InstrumentAnswer
from ticker.ticks import BARS_1S, CHANNELS, DTYPES, QUOTES, STATS, TRADES, Batch
from ticker.wire.packed import SNAPSHOT, TICKS, pack
from ticker_client.arrays import Arrays, unpacked
from ticker_client.instruments import Instrument, Instruments
from ticker_record import labels, words
from ticker_record.export import instruments_of
from ticker_record.keeper import FORGOTTEN, QUIET_MAX, Keeper
from ticker_record.steps import steps_of
from ticker_record.timeline import Timeline

TRADED = instruments_of(made()[0].universe)


def ticks(first: int, last: int) -> Arrays:
    """Return a message of these steps."""
    cuts = made()[1][first - 1 : last]
    return unpacked(pack(TICKS, last, cuts[-1][1], [(batch.seq, batch.rows) for batch, _ in cuts]), TRADED)


def shown(seq: int, *channels: str) -> list[Arrays]:
    """Return the snapshots of a step, a message a channel."""
    rows = made()[2][seq].rows
    return [
        unpacked(pack(SNAPSHOT, seq, 0, [(seq, {channel: rows[channel]})]), TRADED) for channel in channels or CHANNELS
    ]


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    market = made()[0]

    def begin(_: Instruments, start_us: int) -> Recorder:
        assert start_us == market.time_us(0)
        return Recorder.create(tmp_path / "tape", label_of(market))

    return Keeper(CHANNELS, market.step_us, begin)


def read(keeper: Keeper) -> tuple[list[object], list[tuple[int, int]]]:
    """Close the recording; return its steps, without when they were emitted, and its gaps."""
    assert keeper.recorder
    keeper.recorder.close()
    with Recording.open(keeper.recorder.path) as recording:
        steps = [step if isinstance(step, Batch) else step[0] for step in recording.after(recording.first - 1)]
        return steps, recording.gaps  # type: ignore[return-value]


def test_a_message_is_taken_apart() -> None:
    message = ticks(55, 75)
    found = dict(steps_of(message))
    assert list(found) == [seq for seq in range(55, 76) if any(map(len, made()[1][seq - 1][0].rows.values()))]
    for seq, rows in found.items():
        batch = made()[1][seq - 1][0]
        assert {c: r.tobytes() for c, r in rows.items()} == {c: r.tobytes() for c, r in batch.rows.items() if len(r)}


def test_rows_out_of_order_are_put_in_order() -> None:
    message = ticks(70, 72)
    turned = message._replace(rows={channel: rows[::-1] for channel, rows in message.rows.items()})
    assert list(dict(steps_of(turned))) == list(dict(steps_of(message)))


@pytest.mark.parametrize(
    "config", [MORNING, MarketConfig(instruments=4, step_ms=60_000.0), MarketConfig(instruments=3)]
)
def test_the_times_of_steps_are_found(config: MarketConfig) -> None:
    market = market_of(config, SCRIPT if config is MORNING else ())
    timeline = Timeline(market.step_us)
    timeline.go_on(0, market.time_us(0))
    assert timeline.start == market.time_us(0)
    wrong = 0
    before = 0
    for _ in range(900):
        batch = market.step()
        t = timeline.at(batch.seq, batch.rows)
        assert before <= t and abs(t - batch.t) < market.step_us
        wrong += t != batch.t
        before = t
    assert wrong <= 3, "where a night ended, and nothing said exactly when"


def test_the_time_of_a_picture_is_found() -> None:
    market, _, pictures = made()
    for seq in (1, 100, 300, 599):
        timeline = Timeline(market.step_us)
        assert timeline.shown(seq, pictures[seq].rows) == pictures[seq].t
        assert timeline.start == market.time_us(0)


def test_times_never_fall_and_bars_say_nothing() -> None:
    timeline = Timeline(10)
    quotes, bars, stats = (np.zeros(1, DTYPES[channel]) for channel in (QUOTES, BARS_1S, STATS))
    quotes["t"], bars["t"], stats["t"] = 995, 5, 1000
    assert timeline.at(7, {QUOTES: quotes, BARS_1S: bars, STATS: stats}) == 1000
    assert timeline.at(8, {BARS_1S: bars}) == 1010
    assert timeline.at(9, {QUOTES: quotes}) == 1010, "it cannot be, and time does not fall"
    assert timeline.at(10, {STATS: stats}) == 1010


def test_steps_without_ticks_are_kept(keeper: Keeper) -> None:
    for message in (*shown(60), ticks(61, 61), ticks(65, 65), ticks(70, 75)):
        keeper.take(message)
    keeper.rest(80, 5)
    found, gaps = read(keeper)
    assert gaps == [] and [batch.seq for batch in found] == list(range(61, 81))  # type: ignore[attr-defined]
    for batch in found:
        assert isinstance(batch, Batch) and batch.t == made()[1][batch.seq - 1][0].t
        if batch.seq in (61, 65, *range(70, 76)):
            assert_same([batch], [made()[1][batch.seq - 1][0]])
        else:
            assert not any(map(len, batch.rows.values()))


def test_a_picture_comes_channel_by_channel_with_ticks_between(keeper: Keeper) -> None:
    keeper.take(shown(60, TRADES)[0])
    for step in range(61, 66):
        keeper.take(only(ticks(step, step), TRADES))
    keeper.rest(65, 5)
    assert keeper.recorder is None, "there is more to come"
    for message in shown(65, *(channel for channel in CHANNELS if channel != TRADES)):
        keeper.take(message)
    keeper.take(ticks(66, 80))
    found, _ = read(keeper)
    assert_same(found, [batch for batch, _ in made()[1][65:80]])  # type: ignore[arg-type]
    with Recording.open(keeper.recorder.path) as recording:  # type: ignore[union-attr]
        picture = recording.picture(65)
        assert picture is not None
        assert_same([picture], [made()[2][65]])


def only(message: Arrays, channel: str) -> Arrays:
    return message._replace(rows={name: rows for name, rows in message.rows.items() if name == channel})


def test_a_lag_is_a_gap(keeper: Keeper) -> None:
    for message in (*shown(60), ticks(61, 70)):
        keeper.take(message)
    keeper.lagged("we were too slow")
    keeper.rest(90, 5)
    assert keeper.head == 70, "up to 90 nothing was heard"
    for message in (*shown(90), ticks(91, 95)):
        keeper.take(message)
    assert keeper.holes == [(70, 90, "we were too slow")]
    found, gaps = read(keeper)
    assert gaps == [(70, 90)]
    wanted = [batch for batch, _ in [*made()[1][60:70], (made()[2][90], 0), *made()[1][90:95]]]
    assert_same(found, wanted)  # type: ignore[arg-type]


def test_what_is_shown_twice_is_begun_anew(keeper: Keeper) -> None:
    for message in (*shown(60), ticks(61, 62), *shown(63)[:3], *shown(70), ticks(71, 72)):
        keeper.take(message)
    assert keeper.holes == [(62, 70, FORGOTTEN)]
    found, gaps = read(keeper)
    assert gaps == [(62, 70)] and [batch.seq for batch in found] == [61, 62, 70, 71, 72]  # type: ignore[attr-defined]
    assert_same([found[2]], [made()[2][70]])  # type: ignore[list-item]


def test_a_tape_that_begins_again_is_gone_on_with_where_it_ended(keeper: Keeper) -> None:
    for message in (*shown(60), ticks(61, 70), *shown(5), ticks(6, 40), ticks(41, 69), ticks(70, 71), ticks(72, 80)):
        keeper.take(message)
    found, gaps = read(keeper)
    assert gaps == []
    assert_same(found, [batch for batch, _ in made()[1][60:80]])  # type: ignore[arg-type]


def test_quiet_pictures_are_kept_when_nothing_comes(keeper: Keeper) -> None:
    for message in shown(60):
        keeper.take(message)
    keeper.rest(60, 5)
    keeper.rest(64, 6)
    found, _ = read(keeper)
    assert [batch.seq for batch in found] == [61, 62, 63, 64]  # type: ignore[attr-defined]


def test_a_channel_that_is_never_shown_is_waited_for_a_while(keeper: Keeper) -> None:
    for message in shown(60, *CHANNELS[1:]):
        keeper.take(message)
    for _ in range(9):
        keeper.rest(60, 5)
    assert keeper.recorder is None
    for _ in range(2):
        keeper.rest(60, 5)
    assert keeper.recorder is not None and keeper.head == 60
    keeper.recorder.close()


def test_a_leap_that_nobody_could_fill_is_a_gap(keeper: Keeper) -> None:
    for message in (*shown(60), ticks(61, 70)):
        keeper.take(message)
    far = 80 + 2 * QUIET_MAX
    keeper.take(ticks(71, 71)._replace(seq=far, rows={TRADES: np.zeros(0)}))
    keeper.rest(far, 5)
    assert keeper.holes == [(70, far, "the server leapt")]
    found, gaps = read(keeper)
    assert gaps == [(70, far)] and found[-1].seq == far  # type: ignore[attr-defined]


@pytest.mark.parametrize("wrong", [{"ts": -1}, {"ts": 2**60}, {"seq": 2**60}])
def test_what_no_tape_can_hold_is_said(keeper: Keeper, wrong: dict[str, int]) -> None:
    for message in (*shown(60), ticks(61, 62)):
        keeper.take(message)
    with pytest.raises(SetupError, match="the server sent what no tape can hold: step "):
        keeper.take(ticks(63, 63)._replace(**wrong))
    found, _ = read(keeper)
    assert len(found) == 2


def test_a_label_is_made_of_what_a_server_says() -> None:
    said = {
        **{"server": "ticker", "version": "1", "protocol": "ticker.v1.json", "epoch": "e", "seq": 5, "step_ms": 2.5},
        **{"speed": 3.0, "seed": 7, "instruments": 2, "limits": {}, "heartbeat_s": 1.0, "auth_required": False},
    }
    traded = Instruments([Instrument("A", 0.05, 2), Instrument("B", 25.0, 0)])
    label = labels.label_of(Welcome(**said), traded, {}, 5)  # type: ignore[arg-type]
    assert (label.step_us, label.speed, label.seed, label.start_us) == (2500, 3.0, 7, 5)
    assert [(one.decimals, one.tick_units) for one in label.universe.instruments] == [(2, 5), (0, 25)]
    about = InstrumentAnswer(symbol="B", name="Bee", sector="S", tick_size=25.0, decimals=0, lot=10, size_decimals=4)
    label = labels.label_of(Welcome(**said), traded, {"B": about}, 5)  # type: ignore[arg-type]
    assert [(one.symbol, one.name, one.lot, one.size_decimals) for one in label.traded()] == [
        *(("A", "", 1, 0), ("B", "Bee", 10, 4))
    ]
    for wrong in ({"epoch": ""}, {"seed": -1}, {"step_ms": 1e12}, {"speed": 0.0}):
        with pytest.raises(SetupError, match="what the server says of its tape cannot be kept: no label"):
            labels.label_of(Welcome(**{**said, **wrong}), traded, {}, 5)  # type: ignore[arg-type]


def test_words() -> None:
    assert [words.size(count) for count in (0, 999, 1000, 123_456, 5e9, 7e15)] == [
        *("0 bytes", "999 bytes", "1.0 kB", "123.5 kB", "5.0 GB", "7000.0 TB")
    ]
    assert words.hole(4, 5, "") == "a gap: step 5 is missing"
    assert words.hole(4, 9, "why") == "a gap: the steps from 5 to 9 are missing: why"
    assert words.moment(1_767_623_400_123_456) == "2026-01-05T14:30:00.123Z"
    assert words.gaps(0) == "no gap" and words.gaps(1) == "1 gap" and words.gaps(2) == "2 gaps"
