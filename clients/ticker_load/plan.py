"""What a run does: a plan from a TOML file, and flags over it."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from ticker.errors import SetupError

TRANSPORTS = ("ws", "sse", "long-poll", "short-poll")
BAD = ("slow", "stalled", "flooding", "vanishing", "herd")
MIXES = ("same", "random", "zipf")
ACKS = ("every", "interval", "late", "never")
SECONDS_MAX = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Phase:
    """So many clients for so many seconds, come to or gone evenly over the first `ramp_s` of them."""

    name: str
    clients: int
    seconds: float
    ramp_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One load test. Shares are parts of all clients, from 0 to 1."""

    url: str = ""
    title: str = "steady"
    symbols: list[str] = field(default_factory=lambda: ["*"])
    channels: list[str] = field(default_factory=lambda: ["trades"])
    phases: list[Phase] = field(default_factory=lambda: [Phase("steady", 100, 10.0)])
    connects_per_s: float = 0.0
    """How many clients join a second, at most; 0 is as many as will."""
    mix: str = "same"
    """Which symbols a client asks for: all of the same, some at random, or some by popularity (zipf)."""
    mix_symbols: int = 10
    transports: dict[str, float] = field(default_factory=lambda: {"ws": 1.0})
    acks: str = "every"
    """After every `acks_number` messages, every so many seconds, so many seconds late, or never."""
    acks_number: float = 50.0
    window: int = 0
    pace: str = "every"
    rate_hz: float = 0.0
    poll_every_s: float = 0.25
    storm_every_s: float = 0.0
    """So often `storm_share` of the clients lose their connection at once and resume; 0 is never."""
    storm_share: float = 0.5
    bad: dict[str, float] = field(default_factory=dict)
    """Shares of clients that misbehave: slow, stalled, flooding, vanishing, herd."""
    slow_bytes_per_s: int = 8000
    herd_every_s: float = 2.0
    seed: int = 1
    processes: int = 0
    token: str = ""
    cafile: str = ""

    @property
    def clients(self) -> int:
        return max(phase.clients for phase in self.phases)

    @property
    def seconds(self) -> float:
        return sum(phase.seconds for phase in self.phases)

    def with_clients(self, clients: int) -> "Plan":
        """Return the same plan, as high as that."""
        share = clients / self.clients
        phases = [replace(phase, clients=max(min(clients, 1), round(phase.clients * share))) for phase in self.phases]
        return replace(self, phases=phases)

    def with_seconds(self, seconds: float) -> "Plan":
        """Return the same plan, as long as that."""
        share = seconds / self.seconds
        return replace(
            self,
            phases=[
                replace(phase, seconds=phase.seconds * share, ramp_s=phase.ramp_s * share) for phase in self.phases
            ],
        )

    def members_at(self, second: float) -> int:
        """Return how many clients there are to be at a second of the window."""
        before = self.phases[0].clients
        for phase in self.phases:
            if second < phase.seconds:
                part = min(1.0, second / phase.ramp_s) if phase.ramp_s else 1.0
                return round(before + (phase.clients - before) * part)
            second -= phase.seconds
            before = phase.clients
        return before

    def shown(self) -> dict[str, Any]:
        """Return the plan as it takes effect, without what is secret."""
        return {**asdict(self), "token": "given" if self.token else ""}

    def check(self) -> None:
        """Raise SetupError where it makes no sense."""
        for phase in self.phases:
            _check(phase.clients > 0, f"--clients: at least 1 is needed, not {phase.clients}")
            _check(
                0 < phase.seconds <= SECONDS_MAX,
                f"--duration: a number of seconds above 0 is needed, not {phase.seconds:g}",
            )
            _check(0 <= phase.ramp_s <= phase.seconds, f"ramp_s: {phase.ramp_s:g} is not a part of {phase.seconds:g} s")
        _one_of("mix", self.mix, MIXES)
        _one_of("acks", self.acks, ACKS)
        _one_of("pace", self.pace, ("every", "latest"))
        _shares("transports", self.transports, TRANSPORTS)
        _shares("bad", self.bad, BAD)
        _check(abs(sum(self.transports.values()) - 1) < 0.001, "transports: the shares have to make 1 together")
        _check(sum(self.bad.values()) < 1, "bad: the shares have to leave some good clients: less than 1 together")
        _check(self.mix_symbols >= 1, f"mix_symbols: at least 1 is needed, not {self.mix_symbols}")
        _check(0 <= self.storm_share <= 1, f"storm_share: {self.storm_share:g} is not from 0 to 1")
        _check(
            self.acks in ("never",) or 0 < self.acks_number < 1e6, f"acks_number: {self.acks_number:g} is not above 0"
        )
        _check(0 <= self.window <= 1_000_000, f"window: {self.window} is not from 0 to 1,000,000")
        _check(0 <= self.processes <= 256, f"--processes: {self.processes} is not from 0 to 256")
        for name in ("connects_per_s", "rate_hz", "storm_every_s"):
            _check(0 <= getattr(self, name) < 1e6, f"{name}: {getattr(self, name):g} is not from 0 on")
        for name in ("poll_every_s", "herd_every_s", "slow_bytes_per_s"):
            _check(0 < getattr(self, name) < 1e9, f"{name}: {getattr(self, name):g} is not above 0")


def _check(fine: bool, sentence: str) -> None:
    if not fine:
        raise SetupError(sentence)


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    _check(value in known, f"{name}: {value!r} is not one of {', '.join(known)}")


def _shares(name: str, shares: Mapping[str, float], known: tuple[str, ...]) -> None:
    for key, share in shares.items():
        _one_of(name, key, known)
        _check(0 <= share <= 1, f"{name}: {key}: {share:g} is not a share from 0 to 1")


def load(name: str) -> Plan:
    """Return the plan of a TOML file, or of one that comes with Ticker, by its name. Raises SetupError."""
    path = Path(name)
    try:
        text = path.read_text(encoding="utf-8") if path.suffix == ".toml" else _own(name)
        table = tomllib.loads(text)
    except OSError as error:
        raise SetupError(f"--plan: {name}: {(error.strerror or 'cannot be read').lower()}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SetupError(f"--plan: {name}: {error}") from None
    return replace(_built(name, table), title=path.stem)


def _folder() -> Path:
    """Return where the plans are: in the package where that is installed, else beside it."""
    inside = Path(str(files("ticker"))) / "configs" / "load"
    return inside if inside.is_dir() else Path(str(files("ticker"))).parent / "configs" / "load"


def _own(name: str) -> str:
    folder = _folder()
    known = sorted(path.stem for path in folder.glob("*.toml"))
    if name not in known:
        raise SetupError(f"--plan: {name!r} is neither a TOML file nor one of {', '.join(known)}")
    return (folder / f"{name}.toml").read_text(encoding="utf-8")


def _built(name: str, table: dict[str, Any]) -> Plan:
    kinds = {one.name: type(getattr(Plan(), one.name)) for one in fields(Plan)}
    given: dict[str, Any] = {}
    for key, value in table.items():
        if key == "phases":
            given[key] = [_phase(name, row) for row in value] if isinstance(value, list) and value else None
            _check(bool(given[key]), f"--plan: {name}: phases: a list of tables is needed")
            continue
        _check(key in kinds, f"--plan: {name}: {key}: no such key; there are {', '.join(kinds)}")
        made = float(value) if kinds[key] is float and type(value) is int else value
        _check(type(made) is kinds[key], f"--plan: {name}: {key}: {value!r} is not a {kinds[key].__name__}")
        given[key] = made
    return Plan(**given)


def _phase(name: str, row: Any) -> Phase:
    try:
        return Phase(str(row["name"]), int(row["clients"]), float(row["seconds"]), float(row.get("ramp_s", 0)))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SetupError(f"--plan: {name}: phases: name, clients and seconds are needed: {error}") from None


def shares(flag: str, text: str) -> dict[str, float]:
    """Read `ws=0.5,sse=0.5`. Raises SetupError."""
    found: dict[str, float] = {}
    for part in text.split(","):
        key, sign, value = part.partition("=")
        try:
            found[key.strip()] = float(value) if sign else 1.0
        except ValueError:
            raise SetupError(f"{flag}: {part!r} is not a name and a share, such as sse=0.5") from None
    return found


def acks(text: str) -> dict[str, Any]:
    """Read `every:50`, `interval:0.5`, `late:1` or `never`. Raises SetupError."""
    kind, _, number = text.partition(":")
    _one_of("--acks", kind, ACKS)
    try:
        return {"acks": kind, "acks_number": float(number or 1)}
    except ValueError:
        raise SetupError(f"--acks: {number!r} is not a number") from None
