"""Goes on with a recording: where it ended, if the server still has that, and never with another tape."""

from ticker.errors import ConfigError
from ticker.links.recorder import Recorder
from ticker.session.client import EVERYTHING
from ticker.session.messages import Welcome
from ticker_client.feed import Feed
from ticker_client.instruments import Instruments
from ticker_record.wishes import Wishes


def begin(wishes: Wishes, feed: Feed) -> Recorder:
    """Open the recording, and have a feed that is not connected yet begin where it ends.

    Raises SetupError where it is none, and ConfigError where something else was recorded than is wanted now.
    """
    recorder = Recorder.go_on(wishes.path)
    about = recorder.about
    symbols = set(about.symbols or [EVERYTHING])
    if (wishes.channels and wishes.wanted != about.channels) or (wishes.symbols and set(wishes.symbols) != symbols):
        recorder.close()
        there = f"{', '.join(about.channels)} of {' '.join(sorted(symbols))}"
        raise ConfigError(f"--append: {wishes.path} has {there}; it can only be gone on with as it was begun")
    feed.session.subscriptions = {channel: sorted(symbols) for channel in about.channels}
    feed.session.reached = recorder.head or 0
    return recorder


def check_tape(recorder: Recorder, welcome: Welcome) -> None:
    """Raise ConfigError where a server has another tape than the recording."""
    if welcome.epoch != recorder.label.epoch:
        raise ConfigError(
            f"--append: the server has tape {welcome.epoch}, and the recording is of {recorder.label.epoch}: "
            "record it in a new file"
        )


def check_traded(recorder: Recorder, traded: Instruments) -> None:
    """Raise ConfigError where numbers stand for other instruments than in the recording."""
    listed = recorder.label.universe.instruments
    if len(listed) != len(traded) or any(
        one.symbol != symbol for one, symbol in zip(listed, traded.symbols, strict=True)
    ):
        raise ConfigError("--append: the server lists other instruments than the recording: record it in a new file")
