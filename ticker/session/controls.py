"""What is asked and answered by the admin API, as types. Bodies are JSON; a field that is not named here is refused."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Protocol

from msgspec import UNSET, Meta, Struct, UnsetType

from ticker.config import SPEED_MAX, SPEED_MIN
from ticker.session.messages import Epoch, MarketTime, Seq

STEPS_MAX = 1_000_000

Kind = Annotated[str, Meta(description="what happens", examples=["halt", "shock"])]
Symbols = Annotated[list[str], Meta(min_length=1, description="to whom, by symbol; `*` is everybody")]
Sectors = Annotated[list[str], Meta(min_length=1, description="to whom, by sector")]
Value = Annotated[
    float, Meta(description="of a shock the relative change, of a regime the factor, of a fat finger the distance")
]
Duration = Annotated[float, Meta(ge=0, description="seconds of market time; 0 is until it is ended, or at once")]
At = Annotated[
    str,
    Meta(
        description="when, in market time: counted from the start, or by the clock of the market's zone",
        examples=["90s", "+00:01:30", "09:45:00"],
    ),
]
Time = Annotated[str, Meta(description="market time, ISO 8601", examples=["2026-01-05T14:45:00Z"])]


class Wish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a request."""


class NoWish(Wish, frozen=True, kw_only=True):
    """A request that says all by its path."""


class SpeedWish(Wish, frozen=True, kw_only=True):
    """How fast market time is to pass."""

    speed: Annotated[float, Meta(ge=SPEED_MIN, le=SPEED_MAX, description="seconds of market time in a second")]


class StepWish(Wish, frozen=True, kw_only=True):
    """Steps to take while the market stands still."""

    steps: Annotated[int, Meta(ge=1, le=STEPS_MAX, description="how many")] = 1


class RunWish(Wish, frozen=True, kw_only=True):
    """How far to go on before standing still."""

    until: Annotated[
        str, Meta(description="a position, or a market time with an offset", examples=["2026-01-05T14:45:00Z"])
    ]


class IncidentWish(Wish, frozen=True, kw_only=True):
    """Something that is to happen; without `symbols` and `sectors` to everybody, without `at` as soon as it can."""

    kind: Kind
    at: At | UnsetType = UNSET
    symbols: Symbols | UnsetType = UNSET
    sectors: Sectors | UnsetType = UNSET
    value: Value = 0.0
    duration_s: Duration = 0.0


class IncidentAnswer(Struct, frozen=True, kw_only=True):
    """Something that happens, or has happened."""

    kind: Kind
    seq: Annotated[int, Meta(description="the first step that shows it")]
    symbols: Symbols
    value: Value
    duration_s: Duration


class CauseAnswer(Struct, frozen=True, kw_only=True):
    """It is going to happen: `epoch:seq` is the first position that shows it."""

    epoch: Epoch
    seq: Annotated[int, Meta(description="the first step that shows it")]
    time: Time


class StateAnswer(Struct, frozen=True, kw_only=True):
    """Where the market is, and how its time passes."""

    epoch: Epoch
    seq: Seq
    t: MarketTime
    time: Time
    phase: Annotated[str, Meta(description="of the market as a whole", examples=["trading"])]
    step_ms: Annotated[float, Meta(description="milliseconds of market time in a step")]
    speed: Annotated[float, Meta(description="seconds of market time in a second, as asked for")]
    speed_actual: Annotated[float, Meta(description="the same as measured over the last two seconds")]
    paused: Annotated[bool, Meta(description="whether market time stands still")]
    until: Annotated[int | None, Meta(description="the step after which it is going to pause")]
    steps_skipped: Annotated[int, Meta(description="steps by which the schedule has slipped; none is ever left out")]
    scenario: Annotated[str, Meta(description="what is played; empty is nothing")]
    past: Annotated[list[IncidentAnswer], Meta(description="what has happened")]
    coming: Annotated[list[IncidentAnswer], Meta(description="what is going to happen")]


class ScenarioAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A scenario as a file has it: served again with the same market, it makes the same ticks."""

    description: Annotated[str, Meta(description="where it comes from, and what to play it with")]
    start: Annotated[str, Meta(description="time of day at which the market starts")] | UnsetType = UNSET
    incident: list[dict[str, Any]]


class Controls(Protocol):
    """What obeys; all of it may raise Refusal."""

    def state(self) -> StateAnswer: ...

    def pause(self) -> StateAnswer: ...

    def resume(self) -> StateAnswer: ...

    def speed(self, wish: SpeedWish) -> StateAnswer: ...

    def step(self, steps: int, done: Callable[[], None]) -> Callable[[], None]:
        """Take steps and call `done`; return what gives them up."""

    def run(self, until: str) -> StateAnswer: ...

    def cause(self, wish: IncidentWish) -> CauseAnswer | Awaitable[CauseAnswer]:
        """Have something happen; where others must know of it first, the answer is a future one."""

    def scenario(self) -> ScenarioAnswer: ...

    def whole(self) -> Callable[[], bytes]:
        """Take hold of a checkpoint; return what makes bytes of it, on any thread."""
