"""How the configuration is spelled, read and checked: files, the environment and flags, each one layer.

A TOML file, the environment (`TICKER_MARKET_SEED`) and a flag (`--market.seed`) are three spellings of one field of
`ticker.config`. Values are checked field by field, so that an error names the file, variable or flag it came from.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

from ticker.config import (
    JWT_PAIRS,
    JWT_SECRETS,
    SECRETS,
    SPEED_COARSE,
    START_MAX,
    START_MIN,
    STEP_MS,
    STEP_MS_MAX,
    AuthConfig,
    Config,
    Moment,
    ServerConfig,
    is_loopback,
)
from ticker.errors import ConfigError

PROXY_S = 60  # of silence, after which proxies cut a connection: nginx's and most others' default


class Key(NamedTuple):
    """One key of the configuration: where it lives, what it takes, and why it is there."""

    section: str
    name: str
    type: Any
    default: Any
    doc: str

    @property
    def path(self) -> str:
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        return f"TICKER_{self.section}_{self.name}".upper()

    @property
    def is_list(self) -> bool:
        """Whether it takes several values, joined by commas where they are spelled as text."""
        return get_origin(self.type.__origin__) is tuple

    def read(self, value: object, origin: str, *, spelled: bool) -> Any:
        """Check one value; `spelled` values are text (flags, variables). Raise `ConfigError` naming its origin."""
        if value == "" and self.default is None:
            return None
        found = value
        if spelled and isinstance(value, str) and self.is_list:
            found = [part.strip() for part in value.split(",") if part.strip()]
        # A date is text anywhere; the lax way would take a bare number for one.
        strict = not spelled or Moment in get_args(self.type.__origin__)
        shown = "(withheld)" if self.path in SECRETS else value
        return checked(found, self.type, origin, strict=strict, shown=shown)


def checked(value: object, kind: Any, origin: str, *, strict: bool = True, shown: object = None) -> Any:
    """Return a value as what it should be. Raises ConfigError that begins with `origin` and shows what was given."""
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        plain = getattr(kind, "__origin__", kind)
        choices = get_args(plain) if get_origin(plain) is Literal else ()
        expected = f"expected one of {', '.join(choices)}" if choices else _plain(str(error))
        raise ConfigError(f"{origin}: {expected}, got {value if shown is None else shown!r}") from None


def _plain(message: str) -> str:
    """Turn msgspec's sentence into an operator's: "Expected `float`, got `str`" becomes "expected a number"."""
    words = {
        "float": "a number",
        "int": "a whole number",
        "bool": "true or false",
        "str": "text",
        "object": "a table",
        "array": "a list",
        "time": "a time of day such as 09:30:00",
        "datetime": "a date and time",
        "datetime | null": "a date and time",
    }
    expected = message.partition(", got ")[0].partition(" - at ")[0]
    for kind, name in words.items():
        expected = expected.replace(f"`{kind}`", name)
    return expected[:1].lower() + expected[1:].replace("`", "")


def _description(hint: Any) -> str:
    return str(next(meta.description for meta in hint.__metadata__ if meta.description))


KEYS: dict[str, Key] = {
    f"{section}.{field.name}": Key(section, field.name, hint, field.default, _description(hint))
    for section, kind in get_type_hints(Config).items()
    for field in msgspec.structs.fields(kind)
    for hint in [get_type_hints(kind, include_extras=True)[field.name]]
}
"""Every key by its dotted path, in the order of the sections."""


def from_tables(tables: dict[str, Any], file: str) -> dict[str, Any]:
    """Read a parsed TOML document into checked values by path; raise `ConfigError` naming file and key."""
    values = {}
    for section, table in tables.items():
        keys = [key.path for key in KEYS.values() if key.name == section]
        if keys and not isinstance(table, dict):
            raise ConfigError(f"{file}: {section} stands in no section: it is {' or '.join(keys)}")
        if section not in Config.__struct_fields__:
            raise ConfigError(f"{file}: unknown section [{section}]{nearest(section, Config.__struct_fields__)}")
        if not isinstance(table, dict):
            raise ConfigError(f"{file}: {section} is a section: write [{section}]")
        for name, value in table.items():
            path = f"{section}.{name}"
            if path not in KEYS:
                raise ConfigError(f"{file}: unknown key {path}{nearest(path, KEYS)}")
            values[path] = KEYS[path].read(value, f"{file}: {path}", spelled=False)
    return values


def from_environment(environment: dict[str, str]) -> dict[str, Any]:
    """Read the variables that name a key; raise `ConfigError` for one in a section of ours that names none."""
    variables = {key.variable: key for key in KEYS.values()}
    sections = tuple(f"TICKER_{section.upper()}_" for section in Config.__struct_fields__)
    values = {}
    for name, text in environment.items():
        if key := variables.get(name):
            values[key.path] = key.read(text, name, spelled=True)
        elif name.startswith(sections):
            raise ConfigError(f"{name}: no key of that name{nearest(name, variables)}")
    return values


def from_flags(flags: dict[str, str]) -> dict[str, Any]:
    """Read flags by path of their key; raise `ConfigError` naming the flag."""
    return {path: KEYS[path].read(text, f"--{path.replace('_', '-')}", spelled=True) for path, text in flags.items()}


def build(*layers: dict[str, Any]) -> Config:
    """Join checked values, later layers winning, and refuse a set that contradicts itself."""
    values = {path: value for layer in layers for path, value in layer.items()}
    sections: dict[str, dict[str, Any]] = {name: {} for name in Config.__struct_fields__}
    for path, value in values.items():
        section, _, name = path.partition(".")
        sections[section][name] = value
    config = Config(**{name: kind(**sections[name]) for name, kind in get_type_hints(Config).items()})
    config = _decided(config)
    _check(config)
    return config


def _decided(config: Config) -> Config:
    """Return the configuration with the length of a step that goes with its speed, where none is asked for."""
    coarse = config.clock.speed / SPEED_COARSE
    if config.market.step_ms or coarse <= 1.0:
        return config
    market = msgspec.structs.replace(config.market, step_ms=min(round(STEP_MS * coarse, 3), STEP_MS_MAX))
    return msgspec.structs.replace(config, market=market)


def _check(config: Config) -> None:
    if not (config.server.public or is_loopback(config.server.host)):
        raise ConfigError(
            f"server.host: {config.server.host} can be reached by other machines: say --server.public to allow it"
        )
    _check_limits(config)
    _check_auth(config.auth)
    _check_source(config)
    _check_tls(config.server)
    if 0 < config.market.step_ms < 1:
        raise ConfigError("market.step_ms: must be 0 or at least 1")
    steps = config.feed.flush_ms * config.clock.speed * 1000 / config.market.step_us
    if steps and (steps < 1 or abs(steps - round(steps)) > 1e-6):
        raise ConfigError("feed.flush_ms: must be a whole number of market.step_ms, as fast as clock.speed has them")
    if config.market.start and not START_MIN <= config.market.start < START_MAX:
        raise ConfigError(f"market.start: must be from {START_MIN.year} to {START_MAX.year - 1}")


def _check_limits(config: Config) -> None:
    """Refuse limits one of which makes another pointless, or impossible to keep to."""
    server, stream, http = config.server, config.stream, config.http
    contradictions = {
        "server.connections_per_address: must not be more than server.connections_max": (
            server.connections_max < server.connections_per_address != ServerConfig().connections_per_address
        ),
        "stream.buffer_bytes_max: must be more than stream.buffer_bytes": (
            stream.buffer_bytes_max <= stream.buffer_bytes
        ),
        "stream.catch_up_bytes: must be less than stream.buffer_bytes_max, or catching up would end a reader": (
            stream.catch_up_bytes >= stream.buffer_bytes_max
        ),
        "stream.bytes_burst: must be at least stream.message_bytes_max, or no such message could be sent": (
            stream.bytes_burst < stream.message_bytes_max
        ),
        "stream.bad_json_max: must not be more than stream.errors_max, which counts those too": (
            stream.bad_json_max > stream.errors_max
        ),
        "http.target_bytes_max: must be less than http.head_bytes_max, of which a target is a part": (
            http.target_bytes_max >= http.head_bytes_max
        ),
        "http.pipelined_max: must not be more than http.requests_max": http.pipelined_max > http.requests_max,
        "http.events_max_s: must not be less than stream.heartbeat_s, or a quiet stream would never say a word": (
            http.events_max_s < stream.heartbeat_s
        ),
    }
    for sentence, wrong in contradictions.items():
        if wrong:
            raise ConfigError(sentence)
    if server.public and stream.heartbeat_s >= PROXY_S:
        raise ConfigError(f"stream.heartbeat_s: must be less than {PROXY_S} where server.public is: proxies cut there")
    if server.public and http.wait_max_s >= PROXY_S:
        raise ConfigError(f"http.wait_max_s: must be less than {PROXY_S} where server.public is: proxies cut there")


def _check_auth(auth: AuthConfig) -> None:
    if auth.jwt_key and auth.jwt_key_file:
        raise ConfigError("auth.jwt_key_file: goes in place of auth.jwt_key, not beside it")
    if set(auth.jwt_algorithms) & set(JWT_SECRETS) and set(auth.jwt_algorithms) & set(JWT_PAIRS):
        raise ConfigError("auth.jwt_algorithms: those of a secret (HS…) and those of a public key do not go together")
    signed = bool(auth.jwt_key or auth.jwt_key_file)
    if not signed and (auth.jwt_algorithms or auth.jwt_audience or auth.jwt_issuer):
        raise ConfigError("auth.jwt_key: is missing: without it, no JWT can be checked")


def _check_source(config: Config) -> None:
    """Refuse a tape that comes from two places, and settings of one that comes from none."""
    replay, nats = config.replay, config.nats
    if replay.file and (nats.publish or nats.source):
        other = "nats.publish" if nats.publish else "nats.source"
        raise ConfigError(f"replay.file: goes in place of {other}, not beside it")
    if nats.publish and nats.source:
        raise ConfigError("nats.source: goes in place of nats.publish, not beside it: a leaf has no market")
    if not replay.file:
        unused = [name for name, value in msgspec.structs.asdict(replay).items() if value]
        if unused:
            raise ConfigError(f"replay.{unused[0]}: needs replay.file")
    for name in ("checkpoint", "scenario"):
        if replay.file and getattr(config.market, name):
            raise ConfigError(f"market.{name}: is a market's, and replay.file goes in its place")
    if nats.creds and nats.user:
        raise ConfigError("nats.user: goes in place of nats.creds, not beside it")
    if nats.password and not nats.user:
        raise ConfigError("nats.password: needs nats.user")
    if bool(nats.tls_cert) != bool(nats.tls_key):
        missing, there = ("tls_key", "tls_cert") if nats.tls_cert else ("tls_cert", "tls_key")
        raise ConfigError(f"nats.{missing}: is missing: it goes with nats.{there}")
    if nats.source and config.market.checkpoint:
        raise ConfigError("market.checkpoint: a leaf (nats.source) has no market to keep")
    if nats.source and config.admin.enabled:
        raise ConfigError("admin.enabled: a leaf (nats.source) has no market to hold: ask its root")


def _check_tls(server: ServerConfig) -> None:
    if bool(server.tls_cert) != bool(server.tls_key):
        missing, there = ("tls_key", "tls_cert") if server.tls_cert else ("tls_cert", "tls_key")
        raise ConfigError(f"server.{missing}: is missing: it goes with server.{there}")
    if server.tls_cert and server.tls_self_signed:
        raise ConfigError("server.tls_self_signed: goes in place of server.tls_cert, not beside it")


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a question that ends a sentence about a wrong word, or nothing where no known one is near."""
    near = get_close_matches(word, list(known), 1)
    return f" (did you mean {near[0]}?)" if near else ""
