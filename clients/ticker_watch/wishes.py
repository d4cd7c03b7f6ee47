"""What `ticker watch` was asked for, and what of that cannot be."""

import re
from dataclasses import dataclass, field

from ticker.errors import ConfigError
from ticker.ticks import CHANNELS, QUOTES, STATS, STATUS, TRADES
from ticker_client.feed import Feed, connect
from ticker_client.options import Options
from ticker_client.transports import TRANSPORTS

TABLE_CHANNELS = (STATUS, QUOTES, TRADES, STATS)
LINE_CHANNELS = (STATUS, QUOTES, TRADES)
_DURATION = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|m|h|)")
_SECONDS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The flags of the command; `channels` empty stands for those that go with what is shown."""

    url: str
    symbols: list[str] = field(default_factory=lambda: ["*"])
    channels: list[str] = field(default_factory=list)
    transport: str = "ws"
    json: bool = False
    csv: bool = False
    book: str | None = None
    count: int | None = None
    duration: str | None = None
    token: str | None = None
    cafile: str | None = None

    @property
    def lines(self) -> bool:
        """Whether lines are asked for by name."""
        return self.json or self.csv

    @property
    def duration_s(self) -> float | None:
        """How long to watch. Raises ConfigError."""
        return None if self.duration is None else seconds("--duration", self.duration)

    def feed(self, options: Options) -> Feed:
        """Return a feed to enter, with options besides those of every connection. Raises ConfigError."""
        if self.token is not None:
            options["token"] = self.token
        if self.cafile is not None:
            options["cafile"] = self.cafile
        try:
            return connect(self.url, **options)
        except ValueError as error:  # it begins with the option's name
            raise ConfigError(f"--{error}") from None

    def check(self, *, terminal: bool) -> None:
        """Raise ConfigError where something cannot be; `terminal` tells whether a picture can be shown."""
        if self.transport not in TRANSPORTS:
            raise ConfigError(f"--transport: {self.transport} is none; choose one of {', '.join(TRANSPORTS)}")
        for channel in self.channels:
            if channel not in CHANNELS:
                raise ConfigError(f"--channels: unknown channel: {channel}; choose from {', '.join(CHANNELS)}")
        if self.json and self.csv:
            raise ConfigError("--json and --csv: lines are either the one or the other")
        if self.count is not None and self.count < 1:
            raise ConfigError(f"--count: at least 1 tick is needed, not {self.count}")
        if self.duration_s == 0:
            raise ConfigError(f"--duration: {self.duration} is no time at all")
        if self.book is not None and self.lines:
            raise ConfigError(f"--book: that is a picture, and --{'json' if self.json else 'csv'} asks for lines")
        if self.book is not None and not terminal:
            raise ConfigError("--book: that is a picture, and standard output is no terminal that can show one")


def seconds(flag: str, text: str) -> float:
    """Read a length of time: seconds, or 500ms, 10s, 2m, 1h. Raises ConfigError."""
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise ConfigError(f"{flag}: {text!r} is no length of time: write 10, 10s, 500ms, 2m or 1h")
    return float(found[1]) * _SECONDS[found[2]]
