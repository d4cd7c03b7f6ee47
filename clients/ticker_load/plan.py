"""What a run does: a plan from a TOML file, and flags over it."""

from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, field

from ticker import files
from ticker.errors import ConfigError

Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0, le=7 * 86_400)]
Rate = Annotated[float, Meta(ge=0, lt=1e6)]
Transport = Literal["ws", "sse", "long-poll", "short-poll"]
Bad = Literal["slow", "stalled", "flooding", "vanishing", "herd"]
Mix = Literal["same", "random", "zipf"]
Acks = Literal["every", "interval", "late", "never"]
Pace = Literal["every", "latest"]
WORDS: dict[str, Any] = {"transports": Transport, "bad": Bad, "mix": Mix, "acks": Acks, "pace": Pace}
FLAGS = {"clients": "--clients", "seconds": "--duration", "processes": "--processes"}
AGAIN_S_MIN = 0.25
"""Storms and herds of a plan that is made shorter come no closer than that."""


class Phase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many clients for so many seconds, come to or gone evenly over the first `ramp_s` of them.

    Those of the first phase are there when the measured window begins, but where it has a ramp: then they come in it.
    """

    name: str
    clients: Annotated[int, Meta(gt=0)]
    seconds: Annotated[float, Meta(gt=0, le=7 * 86_400)]
    ramp_s: Seconds = 0.0


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One load test. Shares are parts of all clients, from 0 to 1."""

    url: str = ""
    title: str = "steady"
    symbols: Annotated[list[str], Meta(min_length=1)] = field(default_factory=lambda: ["*"])
    channels: Annotated[list[str], Meta(min_length=1)] = field(default_factory=lambda: ["trades"])
    phases: Annotated[list[Phase], Meta(min_length=1)] = field(default_factory=lambda: [Phase("steady", 100, 10.0)])
    connects_per_s: Rate = 0.0
    """How many clients join a second, at most; 0 is as many as will."""
    mix: Mix = "same"
    """Which symbols a client asks for: all of the same, some at random, or some by popularity (zipf)."""
    mix_symbols: Annotated[int, Meta(ge=1)] = 10
    transports: dict[Transport, Share] = field(default_factory=lambda: {"ws": 1.0})
    acks: Acks = "every"
    """After every `acks_number` messages, every so many seconds, so many seconds after each message, or never."""
    acks_number: Annotated[float, Meta(gt=0, lt=1e6)] = 50.0
    window: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    pace: Pace = "every"
    rate_hz: Rate = 0.0
    poll_every_s: Annotated[float, Meta(gt=0, le=3600)] = 0.25
    storm_every_s: Seconds = 0.0
    """So often `storm_share` of the clients lose their connection at once and resume; 0 is never."""
    storm_share: Share = 0.5
    bad: dict[Bad, Share] = {}
    """Shares of clients that misbehave: slow, stalled, flooding, vanishing, herd."""
    slow_bytes_per_s: Annotated[int, Meta(gt=0)] = 8000
    herd_every_s: Annotated[float, Meta(gt=0, le=7 * 86_400)] = 2.0
    seed: int = 1
    processes: Annotated[int, Meta(ge=0, le=256)] = 0
    token: str = ""
    cafile: str = ""

    @property
    def clients(self) -> int:
        return max(phase.clients for phase in self.phases)

    @property
    def seconds(self) -> float:
        return sum(phase.seconds for phase in self.phases)

    @property
    def first(self) -> int:
        """How many clients there are when the measured window begins."""
        return self.members_at(0)

    def but(self, **changes: Any) -> "Plan":
        """Return the same plan with some keys changed."""
        return msgspec.structs.replace(self, **changes)

    def with_clients(self, clients: int) -> "Plan":
        """Return the same plan, as high as that."""
        share = clients / self.clients
        return self.but(
            phases=[
                msgspec.structs.replace(phase, clients=max(min(clients, 1), round(phase.clients * share)))
                for phase in self.phases
            ]
        )

    def with_seconds(self, seconds: float) -> "Plan":
        """Return the same plan, as long as that; where that is shorter, storms and herds come as often in it."""
        share = seconds / self.seconds
        phases = [
            msgspec.structs.replace(phase, seconds=phase.seconds * share, ramp_s=phase.ramp_s * share)
            for phase in self.phases
        ]
        every = {name: _closer(getattr(self, name), share) for name in ("storm_every_s", "herd_every_s")}
        return self.but(phases=phases, **every)

    def members_at(self, second: float) -> int:
        """Return how many clients there are to be at a second of the window, at least one."""
        before = 0 if self.phases[0].ramp_s else self.phases[0].clients
        for phase in self.phases:
            if second < phase.seconds:
                part = min(1.0, second / phase.ramp_s) if phase.ramp_s else 1.0
                return max(1, round(before + (phase.clients - before) * part))
            second -= phase.seconds
            before = phase.clients
        return before

    def shown(self) -> dict[str, Any]:
        """Return the plan as it takes effect, without what is secret."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return {**found, "token": "given" if self.token else ""}

    def check(self) -> None:
        """Raise ConfigError where it makes no sense."""
        _checked(msgspec.to_builtins(self), "")
        for phase in self.phases:
            _check(phase.ramp_s <= phase.seconds, f"ramp_s: {phase.ramp_s:g} is not a part of {phase.seconds:g} s")
        _check(abs(sum(self.transports.values()) - 1) < 0.001, "transports: the shares have to make 1 together")
        _check(sum(self.bad.values()) < 1, "bad: the shares have to leave some good clients: less than 1 together")


def _closer(every_s: float, share: float) -> float:
    return min(every_s, max(every_s * share, AGAIN_S_MIN)) if share < 1 else every_s


def _check(fine: bool, sentence: str) -> None:
    if not fine:
        raise ConfigError(sentence)


def _checked(table: dict[str, Any], where: str) -> Plan:
    """Return the plan that a table is. Raises ConfigError that names `where` and the key."""
    try:
        return msgspec.convert(table, Plan)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}{_plain(str(error).replace('`', ''))}") from None


def _plain(sentence: str) -> str:
    """Return msgspec's sentence as "key: sentence", with the flag in place of the key where that is better known."""
    what, _, path = sentence.partition(" - at ")
    key = path.removeprefix("key in ").removeprefix("$").lstrip(".")
    if what.startswith("Object contains unknown field"):
        known = (Phase if key else Plan).__struct_fields__
        key, what = what.rpartition(" ")[2], f"no such key; there are {', '.join(known)}"
    elif what.startswith("Invalid enum value"):
        what = f"{what.rpartition(' ')[2]} is not one of {', '.join(get_args(WORDS.get(key)))}"
    return f"{FLAGS.get(key.rpartition('.')[2], key) or 'a plan'}: {what[:1].lower()}{what[1:]}"


def load(name: str) -> Plan:
    """Return the plan of a TOML file, or of one that comes with Ticker, by its name. Raises ConfigError."""
    file = files.find("load", name, "--plan")
    return _checked(files.read(file), f"{file}: ").but(title=file.stem)


def shares(flag: str, text: str) -> dict[str, float]:
    """Read `ws=0.5,sse=0.5`. Raises ConfigError."""
    found: dict[str, float] = {}
    for part in text.split(","):
        key, sign, value = part.partition("=")
        try:
            found[key.strip()] = float(value) if sign else 1.0
        except ValueError:
            raise ConfigError(f"{flag}: {part!r} is not a name and a share, such as sse=0.5") from None
    return found


def acks(text: str) -> dict[str, Any]:
    """Read `every:50`, `interval:0.5`, `late:1` or `never`. Raises ConfigError."""
    kind, _, number = text.partition(":")
    _check(kind in get_args(Acks), f"--acks: {kind!r} is not one of {', '.join(get_args(Acks))}")
    try:
        return {"acks": kind, "acks_number": float(number or 1)}
    except ValueError:
        raise ConfigError(f"--acks: {number!r} is not a number") from None
