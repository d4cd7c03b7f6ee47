"""The command line: flags into a configuration, and a configuration into a running program.

Every key of the configuration is a flag (`--market.seed 7`); the commonest have short names (`--seed`).
"""

import asyncio
import gc
import inspect
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module, resources
from pathlib import Path
from typing import Annotated, Any, TextIO, cast

import structlog
from cyclopts import App, CycloptsError, Group, Parameter, UnknownOptionError, UnusedCliTokensError
from structlog.tracebacks import ExceptionDictTransformer

from ticker import __version__, clock, files, settings, universes
from ticker.auth import tokens
from ticker.auth.keyring import Keyring
from ticker.config import Config
from ticker.errors import ConfigError, SetupError
from ticker.links import replay
from ticker.market.tally import Tally
from ticker.replay_source import ReplaySource
from ticker.server import STREAM, Server
from ticker.settings import KEYS, Key
from ticker.tls import context as tls

SHORT = {
    "server.host": "--host",
    "server.port": "--port",
    "server.tls_cert": "--tls-cert",
    "server.tls_key": "--tls-key",
    "server.tls_self_signed": "--tls-self-signed",
    "market.seed": "--seed",
    "market.universe": "--universe",
    "market.instruments": "--instruments",
    "market.step_ms": "--step-ms",
    "market.scenario": "--scenario",
    "clock.speed": "--speed",
    "clock.paused": "--paused",
    "replay.file": "--replay",
    "replay.start": "--from",
    "replay.loop": "--loop",
    "nats.publish": "--publish",
    "nats.source": "--source",
    "server.reuse_port": "--reuse-port",
    "venues.root": "--root",
    "venues.strict": "--strict",
}
SCORED = {"market.step_ms": "50"}  # what the bar of the scorecard is made for
DEFAULT_URL = "ws://127.0.0.1:8765/v1/stream"

app = App(name="ticker", help="A market on localhost.", version=__version__, help_format="plaintext")


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code. Mistakes of the user's end in one line, never in a traceback."""
    try:
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except UnusedCliTokensError as error:
        words = " ".join(error.unused_tokens or ())
        return _complain(f"{words}: belongs to no flag before it; a flag that is yes or no stands alone", 2)
    except UnknownOptionError as error:
        return _complain(_unknown(error), 2)
    except CycloptsError as error:
        return _complain(str(error).strip(), 2)
    except SetupError as error:
        return _complain(str(error), error.exit_code)
    except BrokenPipeError:  # whoever read our output has left
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123  # or the interpreter complains as it leaves
        return 0
    return code if isinstance(code, int) else 0


def _unknown(error: UnknownOptionError) -> str:
    """Name a flag that there is not, and the one that was meant: two letters the wrong way round are nearest of all."""
    word = error.token.keyword or error.token.value
    names = [name for argument in error.argument_collection if argument.parse for name in argument.names]
    turned = next((name for name in names if sorted(name) == sorted(word)), None)
    sentence = str(error).strip()
    return f"{sentence.partition(' Did you mean')[0]} Did you mean {turned}?" if turned else sentence


def _complain(sentence: str, code: int) -> int:
    print(f"ticker: {' '.join(sentence.split())}", file=sys.stderr)
    return code


def load(file: Path | None, flags: dict[str, str]) -> Config:
    """Return the configuration of a file, the environment and flags, later ones winning. Raises ConfigError."""
    tables = settings.from_tables(files.read(file), str(file)) if file else {}
    return settings.build(tables, settings.from_environment(dict(os.environ)), settings.from_flags(flags))


def _flag(key: Key) -> inspect.Parameter:
    """Return the parameter that spells a key as a flag."""
    names = [f"--{key.path.replace('_', '-')}", f"--{key.path}"]
    short = SHORT.get(key.path)
    spelling = Parameter(
        name=[*([short] if short else []), *dict.fromkeys(names)],
        help=f"{key.doc} [default: {'empty' if key.default is None else key.default}]",
        group=Group(key.section),
        negative=(),
        show_default=False,
    )
    kind: Any = bool if isinstance(key.default, bool) else str
    return inspect.Parameter(
        key.path.replace(".", "__"),
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, spelling],
    )


def _with_keys(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command a flag for every key; it receives them as `flags`, by path."""

    def spelled(*, config: Path | None = None, **flags: Any) -> int:
        given = {name.replace("__", "."): value for name, value in flags.items() if value is not None}
        return command(config, {path: str(value).lower() if value is True else value for path, value in given.items()})

    file = Annotated[Path | None, Parameter(help="TOML file; configs/default.toml explains every key")]
    parameters = [
        inspect.Parameter("config", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=file),
        *(_flag(key) for key in KEYS.values()),
    ]
    spelled.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    spelled.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    spelled.__doc__ = command.__doc__
    return spelled


def serve(file: Path | None, flags: dict[str, str]) -> int:
    """Run the market and serve it until Ctrl-C."""
    settings = load(file, flags)
    log = _logger(settings)
    with asyncio.Runner(loop_factory=_loop_factory(settings.server.loop)) as runner:
        return runner.run(_serve(settings, log))


app.command(_with_keys(serve), name="serve")


@app.command
def check(file: Path) -> int:
    """Validate a configuration file, a universe, a scenario, a file of tokens, or a plan of the load tester.

    Parameters
    ----------
    file
        The TOML file to check.
    """
    tables = files.read(file)
    if "universe" in tables:
        universes.read(file)
    elif "incident" in tables:
        for sentence in import_module("ticker.scenarios").check(str(file)):
            print(f"{file}: {sentence}", file=sys.stderr)
    elif "token" in tables:
        tokens.read(file, universes.load(Config().market))
    elif "phases" in tables:
        import_module("ticker_load.plan").load(str(file)).check()
    else:
        _check_config(load(file, {}))
    print(f"{file}: fine")
    return 0


def _check_config(config: Config) -> None:
    """Read all that a configuration names. Raises SetupError."""
    if config.replay.file:
        tape = replay.opened(config, Tally)
        replay.begin(config, tape)
        tape.close()
        universe = tape.label.traded()
    else:
        universe = universes.load(config.market)
    if config.auth.enabled:
        Keyring(config.auth, universe, clock.wall_us)
    if config.server.tls_cert:
        tls.context(Path(config.server.tls_cert), Path(config.server.tls_key))


@app.command
def watch(
    *symbols: str,
    url: str = DEFAULT_URL,
    channels: list[str] | None = None,
    transport: str = "ws",
    book: str | None = None,
    json: bool = False,
    csv: bool = False,
    count: int | None = None,
    duration: str | None = None,
    token: str | None = None,
    cafile: str | None = None,
) -> int:
    """Show live prices in the terminal, and the book of one symbol; lines where standard output is no terminal.

    In the picture, ? shows what the keys do.

    Parameters
    ----------
    symbols
        What to watch, for example ACME BYTE; everything where none is named.
    url
        The server's stream, or its page.
    channels
        Channels to subscribe to: status, quotes, book, trades, bars.1s, bars.1m, stats. May be given several times, or
        joined by commas. By default status, quotes and trades, and for the picture stats.
    transport
        How to hear the tape: ws, sse, long-poll or short-poll.
    book
        Begin with the book of this symbol.
    json
        Print JSON lines, one a tick, as where standard output is no terminal.
    csv
        Print CSV: a header, and a row a tick. Columns are ch, sym, n, t and the fields of all channels watched; what a
        tick does not have is empty.
    count
        Stop after so many ticks.
    duration
        Stop after so long: seconds, or 500ms, 10s, 2m, 1h.
    token
        Sent as an Authorization: Bearer header.
    cafile
        Certificates to trust over TLS, as a PEM file.
    """
    module = import_module("ticker_watch.command")
    limits = {"count": count, "duration": duration}
    ours = {"json": json, "csv": csv, "book": book, "token": token, "cafile": cafile}
    wishes = module.Wishes(
        url=url, symbols=list(symbols) or ["*"], channels=_split(channels), transport=transport, **limits, **ours
    )
    return int(module.run(wishes))


@app.command
def record(
    file: Path,
    /,
    *symbols: str,
    url: str = DEFAULT_URL,
    channels: list[str] | None = None,
    transport: str = "ws",
    append: bool = False,
    count: int | None = None,
    duration: str | None = None,
    token: str | None = None,
    cafile: str | None = None,
    market: bool = False,
    config: Path | None = None,
    seed: str | None = None,
    universe: str | None = None,
    instruments: str | None = None,
    step_ms: str | None = None,
    scenario: str | None = None,
) -> int:
    """Record the tape of any server into a file, until Ctrl-C: for `ticker info`, `ticker export` and `serve --replay`.

    A connection that is lost is made again, and the recording goes on where it was; what could not be had is a gap,
    which is said and stands in the file. It ends where the server has another tape. Killed, it has lost a second.

    Parameters
    ----------
    file
        The recording: a new file.
    symbols
        What to record, for example ACME BYTE; everything where none is named.
    url
        The server's stream, or its page.
    channels
        Channels to record: status, quotes, book, trades, bars.1s, bars.1m, stats; all of them where none is named. May
        be given several times, or joined by commas.
    transport
        How to hear the tape: ws, sse, long-poll or short-poll. Over ws it is recorded exactly; over the others, steps
        that come in one message become one, and mean prices are as near as they are printed.
    append
        Go on with a recording of the same tape after its last step, be it closed or killed.
    count
        Stop after so many ticks, at the end of a step.
    duration
        Stop after so long: seconds, or 500ms, 10s, 2m, 1h; with --market, of market time.
    token
        Sent as an Authorization: Bearer header.
    cafile
        Certificates to trust over TLS, as a PEM file.
    market
        Run a market in process, as fast as it goes, and record that: the tape that a server of it would serve.
    config
        With --market, a TOML file with its keys; configs/default.toml explains them.
    seed
        With --market, its seed: market.seed.
    universe
        With --market, what is traded: market.universe.
    instruments
        With --market, how many instruments: market.instruments.
    step_ms
        With --market, milliseconds of market time in a step: market.step_ms.
    scenario
        With --market, what happens besides: market.scenario.
    """
    keys = {"seed": seed, "universe": universe, "instruments": instruments, "step_ms": step_ms, "scenario": scenario}
    given = {f"market.{key}": value for key, value in keys.items() if value is not None}
    if market:
        heard = {"SYMBOLS": symbols, "--channels": channels, "--append": append, "--token": token, "--cafile": cafile}
        _refuse(
            {**heard, "--url": url != DEFAULT_URL, "--transport": transport != "ws"}, "a server's; --market has none"
        )
        return _rehearse(file, load(config, given), count, duration)
    flags = {f"--{name.partition('.')[2].replace('_', '-')}": value for name, value in given.items()}
    _refuse({**flags, "--config": config}, "a market's: it goes with --market")
    module = import_module("ticker_record.command")
    limits = {"count": count, "duration": duration, "token": token, "cafile": cafile}
    wishes = module.Wishes(
        path=file,
        url=url,
        symbols=list(symbols),
        channels=_split(channels),
        transport=transport,
        append=append,
        **limits,
    )
    return int(module.run(wishes))


def _refuse(flags: dict[str, Any], why: str) -> None:
    """Raise ConfigError for the first of these flags that was given."""
    for flag, value in flags.items():
        if value:
            raise ConfigError(f"{flag}: is {why}")


def _split(texts: list[str] | None) -> list[str]:
    return [name for text in texts or [] for name in text.split(",")]


def _rehearse(file: Path, settings: Config, count: int | None, duration: str | None) -> int:
    module = import_module("ticker_record.rehearsal")
    rehearsal = module.Rehearsal(
        path=file, seed=settings.market.seed, speed=settings.clock.speed, count=count, duration=duration
    )
    rehearsal.check()
    stage = import_module("ticker.stage").stage(settings)
    return int(rehearsal.run(stage.market, stage.shown))


@app.command
def info(file: Path, /, *, json: bool = False, quick: bool = False) -> int:
    """Say what is in a recording; exit code 1 where it is damaged.

    Parameters
    ----------
    file
        What `ticker record` made.
    json
        Say it as JSON.
    quick
        Believe the heads of its records: look at no checksum of what they hold.
    """
    return int(import_module("ticker_record.info").run(file, as_json=json, quick=quick))


@app.command
def export(
    file: Path,
    /,
    *,
    to: str,
    out: Path | None = None,
    channels: list[str] | None = None,
    symbols: list[str] | None = None,
) -> int:
    """Write a recording as JSON lines, CSV or Parquet; what is missing in it is said on standard error.

    Parameters
    ----------
    file
        What `ticker record` made.
    to
        ndjson: a line a tick, as `ticker watch --json` prints it. csv: as `ticker watch --csv`, a table of all
        channels. parquet: a file for each channel, prices as decimals (pip install 'tickerplant[parquet]').
    out
        A new file, or of Parquet a folder for trades.parquet, quotes.parquet and so on. By default standard output,
        and of Parquet a folder that is called as the recording, without its ending.
    channels
        Only these channels. May be given several times, or joined by commas.
    symbols
        Only these symbols. May be given several times, or joined by commas.
    """
    module = import_module("ticker_record.export")
    return int(module.run(module.Wish(file, to, out, tuple(_split(channels)), tuple(_split(symbols)))))


load_app = App(name="load", help="Hammer a server with clients and report what they saw.")
app.command(load_app)


@load_app.default
def load_test(
    *,
    plan: str | None = None,
    clients: int | None = None,
    symbols: list[str] | None = None,
    channels: list[str] | None = None,
    duration: float | None = None,
    url: str = DEFAULT_URL,
    processes: int | None = None,
    rate: float | None = None,
    mix: str | None = None,
    mix_symbols: int | None = None,
    transports: str | None = None,
    acks: str | None = None,
    window: int | None = None,
    bad: str | None = None,
    token: str | None = None,
    cafile: str | None = None,
    json: Path | None = None,
    html: Path | None = None,
    hdr: Path | None = None,
    threshold: list[str] | None = None,
) -> int:
    """Hammer a server with clients and report what they saw.

    Parameters
    ----------
    plan
        A plan of configs/load (smoke, steady, spike, herd, slow-readers, soak) or a TOML file; flags change it.
    clients
        How many clients to open; 100 where no plan says.
    symbols
        What each subscribes to; everything where none is named.
    channels
        Channels each subscribes to: status, quotes, book, trades, bars.1s, bars.1m, stats. By default trades.
    duration
        Seconds to measure for, once all have joined; 10 where no plan says.
    url
        The server's stream, ws:// or wss://.
    processes
        How many processes to run them in; one a core by default.
    rate
        How many clients join a second, at most.
    mix
        Which symbols a client asks for: same, random or zipf (popular ones more often).
    mix_symbols
        How many symbols a client asks for where that is at random.
    transports
        Shares of ws, sse, long-poll and short-poll, for example ws=0.8,sse=0.2.
    acks
        every:50 (messages), interval:0.5 or late:1 (seconds), or never.
    window
        Messages that may be on their way unacknowledged; 0 is no limit.
    bad
        Shares that misbehave: slow, stalled, flooding, vanishing, herd, for example slow=0.1.
    token
        Sent as an Authorization: Bearer header.
    cafile
        Certificates to trust over TLS, as a PEM file.
    json
        Also write the report to this file, for `ticker load compare`.
    html
        Also write it, with plots, to this page.
    hdr
        Also write the latencies to this HdrHistogram log (.hlog), in microseconds.
    threshold
        What must be kept, or the exit code is 1: p99<20ms, gaps<1, ticks_per_s>1000. May be given several times.
    """
    plans = import_module("ticker_load.plan")
    module = import_module("ticker_load.command")
    made = plans.load(plan) if plan else plans.Plan()
    simple = {"symbols": symbols, "channels": channels, "processes": processes, "connects_per_s": rate, "mix": mix}
    others = {"mix_symbols": mix_symbols, "window": window, "token": token, "cafile": cafile}
    given = {"url": url} | {name: value for name, value in (simple | others).items() if value is not None}
    if transports is not None:
        given["transports"] = plans.shares("--transports", transports)
    if bad is not None:
        given["bad"] = plans.shares("--bad", bad)
    if acks is not None:
        given |= plans.acks(acks)
    made = made.but(**given)
    made = made.with_clients(clients) if clients is not None else made
    made = made.with_seconds(duration) if duration is not None else made
    return int(module.run(made, module.Outputs(json, html, hdr, threshold or [])))


@load_app.command(name="compare")
def load_compare(one: Path, other: Path) -> int:
    """Show two reports of `ticker load --json` side by side.

    Parameters
    ----------
    one
        The first report.
    other
        The second.
    """
    return int(import_module("ticker_load.contrast").run(one, other))


@app.command
def compare(
    *symbols: str,
    url: str = DEFAULT_URL,
    channels: list[str] | None = None,
    duration: float = 10.0,
    intervals: str = "1,0.25,0.05",
    clients: int = 1,
    json: Path | None = None,
    html: Path | None = None,
) -> int:
    """Hear the same ticks by short poll, long poll, SSE and WebSocket, and report what each takes.

    Parameters
    ----------
    symbols
        What to hear, for example ACME BYTE; everything where none is named.
    url
        The server's stream, or its page.
    channels
        Channels to subscribe to: status, quotes, book, trades, bars.1s, bars.1m, stats. By default quotes and
        trades.
    duration
        Seconds to hear them side by side; each alone takes a quarter of it again.
    intervals
        Seconds between short polls, joined by commas; a lane for each.
    clients
        How many hear it at once where the server's CPU is measured; many make that readable.
    json
        Also write the report to this file.
    html
        Also write it, with plots, to this page.
    """
    module = import_module("ticker_compare.command")
    wanted = (list(symbols) or ["*"], channels or ["quotes", "trades"])
    return int(module.run(url, *wanted, duration, intervals, clients, json, html))


@app.command
def scorecard(
    *,
    config: Path | None = None,
    universe: str | None = None,
    seed: str | None = None,
    seeds: str | None = None,
    instruments: str | None = None,
    hours: float | None = None,
    step_ms: str | None = None,
    tape: Path | None = None,
    csv: Path | None = None,
    days: int = 0,
    daily: list[Path] | None = None,
    html: Path | None = None,
    json: Path | None = None,
) -> int:
    """Compare a market's statistics with those of real ones; exit code 1 where it misses the bar.

    Without --tape or --csv a market is run in process, as fast as it goes.

    Parameters
    ----------
    config
        TOML file with the market's keys; configs/default.toml explains them.
    universe
        What is traded: market.universe.
    seed
        Seed of the market: market.seed.
    seeds
        Several seeds joined by commas, a run each.
    instruments
        How many instruments: market.instruments; 60 of all sectors where it says all of them.
    hours
        Hours of continuous trading to look at; a whole day where it is not given.
    step_ms
        Milliseconds of market time in a step: market.step_ms; 50 unless a configuration is given.
    tape
        Look at this instead: JSON lines as `ticker watch --json` prints them.
    csv
        Look at this instead: trades with columns time, price, size and, if there are, side and symbol.
    days
        Also live through so many days with the slow layers of the model alone: the daily rows. The bar asks for 4000.
    daily
        Also judge other macro runs: .npz files of returns[day, stock], index, index_rv and index_session.
    html
        Also write the report, with pictures, to this page.
    json
        Also write the report to this file.
    """
    module = import_module("ticker.scorecard.command")
    keys = {"universe": universe, "seed": seed, "instruments": instruments, "step_ms": step_ms}
    given = {f"market.{key}": value for key, value in keys.items() if value is not None}
    settings = load(config, given if config else {**SCORED, **given})
    chosen = module.seeds(seeds) if seeds is not None else ()
    options = module.Options(chosen, hours, tape, csv, days, tuple(daily or ()), html, json)
    return int(module.run(settings.market, options))


async def _serve(settings: Config, log: structlog.stdlib.BoundLogger) -> int:
    with resources.as_file(resources.files(import_module("ticker_web"))) as folder:
        server = Server(settings, folder, log)
        gc.freeze()  # what is loaded stays: to look through it would stop the market for 20 ms each time
        await server.start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    hang_up = server.reload if server.rereads else stop.set  # where nothing is read again, the terminal was closed
    for number, act in ((signal.SIGINT, stop.set), (signal.SIGTERM, stop.set), (signal.SIGHUP, hang_up)):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            loop.add_signal_handler(number, act)
    _greet(server, log)  # whoever reads it may stop us at once
    server.failed.add_done_callback(lambda _: stop.set())
    await stop.wait()
    await server.stop()
    if server.failed.done():
        error = server.failed.exception()
        if isinstance(error, SetupError):  # of a source that finds out later what an operator has to put right
            raise error
        log.error("the market failed", exc_info=error)
        return 1
    log.info("stopped", position=str(server.feed.position))
    return 0


def _greet(server: Server, log: structlog.stdlib.BoundLogger) -> None:
    """Say what is served and where; a disk that does not take it is no reason to stop."""
    secure = "s" if server.config.server.secure else ""
    greeting = (
        f"ticker {__version__}: {_tape(server)}\n"
        f"  page       http{secure}://{server.origin}/\n"
        f"  stream     ws{secure}://{server.origin}{STREAM}\n"
        f"  snapshot   http{secure}://{server.origin}/v1/snapshot?symbols=*\n"
        f"{_venues(server)}{_pace(server)}{_replayed(server)}{_trust(server)}"
        f"Ctrl-C stops it."
    )
    try:
        print(greeting, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123  # or the interpreter complains as it leaves
        log.warning("the greeting was not written", reason=error.strerror, origin=server.origin)


def _tape(server: Server) -> str:
    """Return what is served, in a line."""
    label = server.label
    if label is None:
        return "no tape yet"
    step = f"a step every {label.step_us / 1000:g} ms, seed {label.seed}, epoch {label.epoch}"
    return f"{len(label.universe.instruments)} instruments, {step}"


def _venues(server: Server) -> str:
    """Return where other markets' clients find something, a line; nothing where they would not."""
    root = f"; {server.config.venues.root} at / too" if server.config.venues.root else ""
    return f"  venues     {' '.join(server.venues)}{root}\n" if server.venues else ""


def _pace(server: Server) -> str:
    """Return what is out of the ordinary about this market's time, a line each."""
    config = server.config
    lines = {
        "clock": f"{config.clock.speed:g} times as fast{', paused' if config.clock.paused else ''}",
        "scenario": config.market.scenario,
        "admin": f"http{'s' if config.server.secure else ''}://{server.origin}/admin/state",
    }
    shown = {
        "clock": config.clock.speed != 1.0 or config.clock.paused,
        "scenario": config.market.scenario,
        "admin": config.admin.enabled,
    }
    return "".join(f"  {name:<10} {line}\n" for name, line in lines.items() if shown[name])


def _replayed(server: Server) -> str:
    """Return what is known of a tape that is replayed, a line each."""
    lines = server.source.story if isinstance(server.source, ReplaySource) else []
    return "".join(f"  {'' if number else 'replay':<10} {line}\n" for number, line in enumerate(lines))


def _trust(server: Server) -> str:
    """Return what clients need to believe a certificate of our own, a line each."""
    if server.ca is None:
        return ""
    return (
        f"  CA         {server.ca}\n"
        f"             Python: cafile={str(server.ca)!r}; ticker watch, load: --cafile {server.ca}\n"
        f"             Node: NODE_EXTRA_CA_CERTS={server.ca}; others: SSL_CERT_FILE={server.ca}\n"
        f"             curl --cacert {server.ca} https://{server.origin}/healthz\n"
    )


def _loop_factory(choice: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the event loop. Raises SetupError where uvloop is asked for and not there."""
    if choice == "asyncio":
        return asyncio.new_event_loop
    try:
        return import_module("uvloop").new_event_loop  # type: ignore[no-any-return]
    except ImportError:
        if choice == "uvloop":
            raise SetupError("server.loop: uvloop is not installed") from None
        return asyncio.new_event_loop


class _Log:
    """Standard error, if there is one: what cannot be written is lost, and nobody is served less for it."""

    def write(self, text: str) -> None:
        with suppress(OSError, AttributeError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError, AttributeError):
            sys.stderr.flush()


def _logger(settings: Config) -> structlog.stdlib.BoundLogger:
    # A traceback shows no variables: a token may be among them.
    as_text = settings.log.format == "text" or (settings.log.format == "auto" and sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if as_text else [structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))]),
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.RichTracebackFormatter(show_locals=False))
            if as_text
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.log.level.upper())),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Log())),
    )
    log: structlog.stdlib.BoundLogger = structlog.get_logger()
    return log
