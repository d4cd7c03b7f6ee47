"""What `ticker record` was asked for, and what of that cannot be."""

from dataclasses import dataclass, field
from pathlib import Path

from ticker.errors import ConfigError
from ticker.ticks import CHANNELS
from ticker_client.feed import Feed, connect
from ticker_client.options import Options
from ticker_client.transports import TRANSPORTS
from ticker_watch.wishes import seconds

SYMBOLS_MAX = 500  # that may be named: with more, one picture would come in several


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The flags of the command; no channels and no symbols stand for all."""

    path: Path
    url: str
    symbols: list[str] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)
    transport: str = "ws"
    append: bool = False
    count: int | None = None
    duration: str | None = None
    token: str | None = None
    cafile: str | None = None

    @property
    def duration_s(self) -> float | None:
        """How long to record. Raises ConfigError."""
        return None if self.duration is None else seconds("--duration", self.duration)

    @property
    def goes_on(self) -> bool:
        """Whether there is a recording to go on with."""
        return self.append and self.path.exists()

    @property
    def wanted(self) -> tuple[str, ...]:
        """The channels, in their order."""
        return tuple(channel for channel in CHANNELS if not self.channels or channel in self.channels)

    def feed(self, options: Options) -> Feed:
        """Return a feed to enter, with options besides those of every connection. Raises ConfigError."""
        options |= {"transport": self.transport, "books": False}
        if self.transport == "ws":
            options["encoding"] = "packed"
        if self.token is not None:
            options["token"] = self.token
        if self.cafile is not None:
            options["cafile"] = self.cafile
        try:
            return connect(self.url, **options)
        except ValueError as error:  # it begins with the option's name
            raise ConfigError(f"--{error}") from None

    def check(self) -> None:
        """Raise ConfigError where something cannot be."""
        if self.transport not in TRANSPORTS:
            raise ConfigError(f"--transport: {self.transport} is none; choose one of {', '.join(TRANSPORTS)}")
        check_channels(self.channels)
        check_limits(self.count, self.duration)
        if len(self.symbols) > SYMBOLS_MAX:
            raise ConfigError(f"at most {SYMBOLS_MAX} symbols may be named, not {len(self.symbols)}; none means all")
        if not self.goes_on:
            check_new(self.path)


def check_channels(channels: list[str]) -> None:
    """Raise ConfigError for a channel that there is not."""
    for channel in channels:
        if channel not in CHANNELS:
            raise ConfigError(f"--channels: unknown channel: {channel}; choose from {', '.join(CHANNELS)}")


def check_limits(count: int | None, duration: str | None) -> None:
    """Raise ConfigError for an end that cannot be."""
    if count is not None and count < 1:
        raise ConfigError(f"--count: at least 1 tick is needed, not {count}")
    if duration is not None and not seconds("--duration", duration):
        raise ConfigError(f"--duration: {duration} is no time at all")


def check_new(path: Path) -> None:
    """Raise ConfigError where a file cannot be created; it is, once there is something to record."""
    try:
        if path.is_symlink() or path.exists():
            raise ConfigError(f"{path}: is there already; a recording begins in a new file")
        if not path.parent.is_dir():
            raise ConfigError(f"{path}: there is no folder {path.parent}")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "cannot be the name of a file"
        raise ConfigError(f"{path}: {why.lower()}") from None
