"""The label of a tape that is heard: of what a server says of itself, and of what is traded there. Pure."""

from collections.abc import Mapping

from ticker.errors import SetupError
from ticker.instruments import Instrument, Universe
from ticker.session.messages import Welcome
from ticker.session.requests import InstrumentAnswer
from ticker.wire.label import Label
from ticker_client.instruments import Instruments


def step_us(welcome: Welcome) -> int:
    """Return the microseconds of market time in a step."""
    return max(1, round(welcome.step_ms * 1000))


def label_of(welcome: Welcome, traded: Instruments, described: Mapping[str, InstrumentAnswer], start_us: int) -> Label:
    """Return a label; what a token may not see is named without more. Raises SetupError for a tape that cannot be."""
    try:
        universe = Universe(
            _labelled(symbol, decimals, units, described.get(symbol))
            for (symbol, _, decimals), units in zip(traded, traded.units.astype(int).tolist(), strict=True)
        )
        label = Label.of(
            universe,
            epoch=welcome.epoch,
            step_us=step_us(welcome),
            start_us=start_us,
            seed=welcome.seed,
            speed=welcome.speed,
        )
        return Label.decode(label.encode())
    except (ValueError, OverflowError) as error:
        raise SetupError(f"what the server says of its tape cannot be kept: {error}") from None


def _labelled(symbol: str, decimals: int, units: int, known: InstrumentAnswer | None) -> Instrument:
    if known is None:
        return Instrument(symbol, "", "", decimals, units, 1, 0)
    return Instrument(
        symbol, known.name, known.sector, decimals, units, known.lot, 0, size_decimals=known.size_decimals
    )
