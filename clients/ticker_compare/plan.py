"""What is to be compared: which lanes, what they ask for, for how long."""

from dataclasses import dataclass
from typing import NamedTuple

from ticker.errors import ConfigError

PARTS_MIN = 3  # of the longest interval in a window: fewer polls than that measure nothing
ALONE_SHARE = 0.25
ALONE_S_MIN = 1.0


class Kind(NamedTuple):
    """One way of hearing the tape, and what it does, for a reader who does not know."""

    name: str
    transport: str
    does: str
    poll_every_s: float | None = None


PUSHED = (
    Kind(
        "WebSocket",
        "ws",
        "One HTTP request is upgraded to a connection over which both sides send whenever they like: the server pushes "
        "every step as one small frame, and a change of the subscription is a message on the same connection.",
    ),
    Kind(
        "SSE",
        "sse",
        "One HTTP request is answered by a stream of events that does not end: the server pushes, the client can only "
        "listen; to ask for something else it asks again, over a new connection.",
    ),
    Kind(
        "long poll",
        "long-poll",
        "The server holds each request until there is something to say: ticks come as soon as they are there, and "
        "every answer costs a request with all its headers.",
    ),
)
POLLED = (
    "The client asks again every {:g} s, whether there is something or not: ticks wait on the server until the next "
    "question, and come many at a time."
)


def kinds(intervals_s: list[float]) -> tuple[Kind, ...]:
    """Return all lanes: what is pushed, and a short poll for every interval."""
    polled = [Kind(f"poll {every_s:g} s", "short-poll", POLLED.format(every_s), every_s) for every_s in intervals_s]
    return *PUSHED, *polled


def intervals(text: str) -> list[float]:
    """Read seconds joined by commas. Raises ConfigError."""
    try:
        found = [float(word) for word in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(0.001 <= every_s <= 3600 for every_s in found):
        raise ConfigError(f"--intervals: {text!r} is not seconds joined by commas, from 0.001 on, such as 1,0.25,0.05")
    if len(set(found)) < len(found):
        raise ConfigError(f"--intervals: {text!r} names one twice")
    return found


@dataclass(frozen=True)
class Plan:
    """One comparison; `clients` is how many listen at once where the server's CPU is measured."""

    url: str
    symbols: list[str]
    channels: list[str]
    duration_s: float
    clients: int
    kinds: tuple[Kind, ...]

    def check(self) -> None:
        """Raise ConfigError where it makes no sense."""
        if self.clients < 1:
            raise ConfigError(f"--clients: at least 1 is needed, not {self.clients}")
        if not 0 < self.duration_s < float("inf"):
            raise ConfigError(f"--duration: a number of seconds above 0 is needed, not {self.duration_s:g}")
        if self.duration_s < PARTS_MIN * self.longest_s:
            raise ConfigError(
                f"--duration: {self.duration_s:g} s are too few for a poll every {self.longest_s:g} s: "
                f"at least {PARTS_MIN * self.longest_s:g} are needed, or shorter --intervals"
            )

    @property
    def longest_s(self) -> float:
        """The longest interval of a poll."""
        return max((kind.poll_every_s or 0.0 for kind in self.kinds), default=0.0)

    @property
    def alone_s(self) -> float:
        """How long each lane is measured alone."""
        return min(self.duration_s, max(ALONE_S_MIN, ALONE_SHARE * self.duration_s, PARTS_MIN * self.longest_s))

    @property
    def crowd(self) -> str:
        """How many listen where the server's CPU is measured, in words."""
        return "1 client" if self.clients == 1 else f"{self.clients:,} clients"
