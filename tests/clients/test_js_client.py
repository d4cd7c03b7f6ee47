"""The JavaScript client in Node and in a browser: over every transport the same ticks, none missing, none twice."""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.async_api import Page
from wire_stage import enter

import ticker_web
from browser import Visit
from conftest import ROOT, RunningServer
from npm import node
from tcp_proxy import Proxy
from ticker import __version__
from ticker.ticks import CHANNELS
from witness import BRISK, fetch

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLIENT = Path(ticker_web.__file__).parent / "client"
PATIENCE_S = 60.0
WAYS = {
    "ws": {},
    "packed": {"encoding": "packed"},
    "sse": {"transport": "sse"},
    "long-poll": {"transport": "long-poll"},
    "short-poll": {"transport": "short-poll", "intervalMs": 30},
}
# Before every script: a feed of `url`, and `say` for what the test is to hear.
BEFORE = """import { connect } from "ticker-client";
const say = (what) => console.log(JSON.stringify(what));
const [url, options] = JSON.parse(process.argv[2]);
const open = (more) => {
  const feed = connect(url, { ...options, ...more });
  for (const name of ["gap", "lag", "reconnect", "fresh", "tape", "refused"]) {
    feed.on(name, (told) => say({ [name]: told }));
  }
  return feed;
};
"""

Tick = dict[str, Any]


class Script:
    """A script in Node, and what it says, a line of JSON after the other."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def hear(self) -> Any:
        """Return what it says next; None when it has ended well."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), PATIENCE_S)
        if line:
            return json.loads(line)
        assert await self._process.wait() == 0
        return None

    async def rest(self) -> list[Any]:
        """Return all that it says until it ends."""
        said = []
        while (one := await self.hear()) is not None:
            said.append(one)
        return said


@asynccontextmanager
async def running(folder: Path, text: str, url: str, **options: Any) -> AsyncIterator[Script]:
    """Run a script, with the client installed beside it as npm would."""
    packages = folder / "node_modules"
    if not packages.exists():
        packages.mkdir()
        (packages / "ticker-client").symlink_to(CLIENT)
    (folder / "script.mjs").write_text(text)
    process = await asyncio.create_subprocess_exec(
        node(),
        *(folder / "script.mjs", json.dumps([url, options])),
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    try:
        yield Script(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def told(folder: Path, script: str, url: str, **options: Any) -> list[Any]:
    async with running(folder, BEFORE + script, url, **options) as running_script:
        return await running_script.rest()


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker(*BRISK)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each transport and encoding."""
    return WAYS[str(request.param)]


def epoch_of(url: str) -> str:
    return str(json.loads(fetch(url, "/v1/ticks?symbols=*"))["epoch"])


def on_tape(url: str, channels: str, symbols: str, first: int, last: int) -> list[Tick]:
    """Return the ticks of steps after the first, up to the last, by a plain request."""
    epoch = epoch_of(url)
    found: list[Tick] = []
    while first < last:
        query = f"symbols={symbols}&channels={channels}&since={epoch}:{first}&limit=1000"
        answer = json.loads(fetch(url, f"/v1/ticks?{query}"))
        found += [tick for batch in answer["batches"] if batch["seq"] <= last for tick in batch["data"]]
        first = answer["seq"]
    return found


def counts(ticks: list[Tick]) -> dict[tuple[str, str], list[int]]:
    found = defaultdict(list)
    for tick in ticks:
        found[tick["ch"], tick["sym"]].append(tick["n"])
    return found


def assert_each_once(ticks: list[Tick]) -> None:
    for key, numbers in counts(ticks).items():
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), key


# What its documentation says.


async def test_the_example_runs_as_it_stands(server: RunningServer, tmp_path: Path) -> None:
    (example,) = re.findall(r"@example\n(.*?)\n \*\n", (CLIENT / "client.js").read_text(), re.DOTALL)
    text = 'import { connect } from "ticker-client";\n' + re.sub(r"^ \* ?", "", example, flags=re.MULTILINE)
    assert text.count("http://127.0.0.1:8765") == 1
    async with running(tmp_path, text.replace("http://127.0.0.1:8765", server.url), "") as script:
        ticks = await script.rest()
    assert {tick["sym"] for tick in ticks} == {"ACME", "BYTE"}
    assert {tick["ch"] for tick in ticks} == {"trade", "quote"}
    assert ticks[-1]["n"] % 100 == 0
    assert_each_once(ticks)


async def test_the_readme_s_program_runs(server: RunningServer, tmp_path: Path) -> None:
    (text,) = re.findall(r"```js\n(.*?)\n```", (ROOT / "README.md").read_text(), re.DOTALL)
    text = re.sub('from "http://[^"]+"', 'from "ticker-client"', text).replace("http://127.0.0.1:8765", server.url)
    once = "{ console.log(JSON.stringify(tick)); if (!left--) break; }"
    ended = f"let left = 100;\n{text.replace('console.log(tick);', once)}\nfeed.close();"
    async with running(tmp_path, ended, "") as script:
        ticks = await script.rest()
    assert {tick["sym"] for tick in ticks} == {"ACME", "BYTE"}
    assert_each_once(ticks)


async def test_it_is_all_in_its_folder_and_knows_no_page() -> None:
    files = sorted(CLIENT.rglob("*.js"))
    assert len(files) > 20
    for file in files:
        code = file.read_text()
        for target in re.findall(r'(?:from |import\()"([^"]+)"', code):
            assert (file.parent / target).resolve().is_relative_to(CLIENT) or target.startswith(("http", "ticker"))
        assert not re.search(
            r"\b(document|window\.|location|navigator)\b", re.sub(r"/\*\*.*?\*/", "", code, flags=re.S)
        )
    assert json.loads((CLIENT / "package.json").read_text())["version"] == __version__


# The same ticks, however they come.


async def test_ticks_are_those_of_the_tape(server: RunningServer, tmp_path: Path, way: dict[str, Any]) -> None:
    script = """
    const { epoch } = options;
    delete options.epoch;
    const feed = open({ from: `${epoch}:0` });
    await feed.subscribe(["ACME", "BYTE"], { channels: ["trades", "quotes"] });
    const ticks = [];
    for await (const tick of feed) if (ticks.push(tick) === 2000) break;
    say({ ticks, missed: feed.missed });
    feed.close();
    """
    (said,) = [
        one for one in await told(tmp_path, script, server.url, epoch=epoch_of(server.url), **way) if "ticks" in one
    ]
    assert said["missed"] == 0
    expected: list[Tick] = []
    last = 0
    while len(expected) < 2000:
        last += 500
        expected = on_tape(server.url, "trades,quotes", "ACME,BYTE", 0, last)
    assert said["ticks"] == expected[:2000]


RESUME = """
const feed = open();
await feed.subscribe("ACME", { channels: ["trades", "quotes"] });
for await (const message of feed.messages()) {
  say({ type: message.type, seq: message.seq, ticks: message.data, missed: feed.missed });
}
"""


async def test_a_connection_that_is_cut_is_made_again_without_a_hole(
    server: RunningServer, tmp_path: Path, way: dict[str, Any]
) -> None:
    ticks: list[Tick] = []
    reconnects = cuts = 0
    async with Proxy(server.port) as proxy, running(tmp_path, BEFORE + RESUME, proxy.url, **way) as script:
        while reconnects < 3 or len(ticks) < 300 * (cuts + 1):
            said = await script.hear()
            assert not said.keys() & {"gap", "lag", "fresh", "refused"}
            reconnects += "reconnect" in said
            if said.get("type") != "ticks":
                continue
            assert said["missed"] == 0
            ticks += said["ticks"]
            if cuts == reconnects < 3 and len(ticks) >= 300 * (cuts + 1):
                cuts += 1
                proxy.cut_after(3_000)  # in the middle of something
    assert cuts == 3
    assert proxy.connections > 3
    assert_each_once(ticks)


SWITCH = """
const feed = open();
await feed.subscribe("ACME", { channels: ["trades", "quotes"] });
let count = 0;
for await (const tick of feed) {
  say(tick);
  if (++count === 600) feed.close();
  else if (count % 100 === 0) feed.switchTo(["sse", "long-poll", "short-poll", "ws"][(count / 100) % 4]);
}
say({ missed: feed.missed });
"""


async def test_the_transport_is_changed_in_the_middle(server: RunningServer, tmp_path: Path) -> None:
    *ticks, end = [one for one in await told(tmp_path, SWITCH, server.url, intervalMs=30) if one.keys() != {"tape"}]
    assert end == {"missed": 0}
    assert len(ticks) == 600
    assert_each_once(ticks)


# What is wanted.


async def test_less_than_every_symbol_on_every_channel(
    server: RunningServer, tmp_path: Path, way: dict[str, Any]
) -> None:
    script = """
    const feed = open();
    await feed.subscribe("ACME");
    await feed.subscribe("BYTE", { channels: ["quotes"] });
    await feed.subscribe(["BYTE", "COVE"], { channels: ["stats"] });
    await feed.unsubscribe("BYTE", { channels: ["stats"] });
    say({ wanted: feed.subscriptions });
    let left = 300;
    for await (const tick of feed) {
      if (left < 200) say([tick.ch, tick.sym, tick.n]);
      if (--left === 0) break;
    }
    feed.close();
    """
    script = script.replace("COVE", symbols(server)[2])
    said = await told(tmp_path, script, server.url, **way)
    (wanted,) = [one["wanted"] for one in said if "wanted" in one]
    assert wanted == {"quotes": ["BYTE"], "trades": ["ACME"], "stats": [symbols(server)[2]]}
    ticks = [{"ch": ch, "sym": sym, "n": n} for ch, sym, n in (one for one in said if isinstance(one, list))]
    assert {(tick["ch"], tick["sym"]) for tick in ticks} <= {
        ("trade", "ACME"),
        ("quote", "BYTE"),
        ("stats", symbols(server)[2]),
    }
    assert {"trade", "quote"} <= {tick["ch"] for tick in ticks}
    assert_each_once(ticks)


async def test_what_is_taken_back_and_wanted_again_is_no_hole(
    server: RunningServer, tmp_path: Path, way: dict[str, Any]
) -> None:
    script = """
    const feed = open();
    let [left, enough] = [0, () => {}];
    feed.on("message", ({ data }) => {
      for (const { sym } of data) if (sym === "ACME" && --left === 0) enough();
    });
    await feed.subscribe("BYTE", { channels: ["quotes"] });
    for (let again = 0; again < 4; again += 1) {
      const heard = new Promise((resolve) => ([left, enough] = [30, resolve]));
      await feed.subscribe("ACME", { channels: ["quotes"] });
      await heard;
      await feed.unsubscribe("ACME", { channels: ["quotes"] });
    }
    say({ missed: feed.missed, wanted: feed.subscriptions });
    feed.close();
    """
    said = [one for one in await told(tmp_path, script, server.url, **way) if "tape" not in one]
    assert said == [{"missed": 0, "wanted": {"quotes": ["BYTE"]}}]


def symbols(server: RunningServer) -> list[str]:
    return [one["symbol"] for one in json.loads(fetch(server.url, "/v1/instruments"))["instruments"]]


async def test_what_is_refused_is_said_and_taken_back(
    server: RunningServer, tmp_path: Path, way: dict[str, Any]
) -> None:
    script = """
    const feed = open();
    const refused = (error) => say({ error: error.message });
    await feed.subscribe("NOPE").catch(refused);
    await feed.subscribe("ACME", { channels: ["quotes"] });
    await feed.subscribe("NADA").catch(refused);
    await feed.subscribe("ACME", { channels: ["tardes"] }).catch(refused);
    await feed.subscribe("ACME", { pace: "slow" }).catch(refused);
    await feed.subscribe("ACME", { pace: "every", rateHz: 2 }).catch(refused);
    await feed.subscribe("ACME", { rateHz: 2 }).catch(refused);
    await feed.subscribe([]).catch(refused);
    say({ wanted: feed.subscriptions });
    let left = 50;
    for await (const tick of feed) if (--left === 0) break;
    feed.close();
    """
    said = [one for one in await told(tmp_path, script, server.url, **way) if one.keys() & {"error", "wanted", "gap"}]
    assert said == [
        {"error": "unknown_symbol: unknown symbol: NOPE"},
        {"error": "unknown_symbol: unknown symbol: NADA"},
        {"error": f"tardes is not a channel; known: {', '.join(CHANNELS)}"},
        {"error": "slow is not a pace; known: every, latest"},
        {"error": "rateHz: 2 goes with pace latest, and is above 0"},
        {"error": "rateHz: 2 goes with pace latest, and is above 0"},
        {"error": "symbols: at least one is needed"},
        {"wanted": {"quotes": ["ACME"]}},
    ]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ('connect("nowhere")', "connect: nowhere is no address, such as http://127.0.0.1:8765"),
        ('connect("ftp://127.0.0.1/")', "connect: ftp://127.0.0.1/ is no address, such as http://127.0.0.1:8765"),
        ('connect(url, { transprot: "sse" })', "transprot is not an option; known: transport, encoding, window, from"),
        ('connect(url, { transport: "udp" })', "udp is not a transport; known: ws, sse, long-poll, short-poll"),
        ('connect(url, { encoding: "xml" })', "xml is not an encoding; known: json, packed"),
        ("connect(url, { window: -1 })", "window: -1 is no number of messages"),
        ("connect(url, { intervalMs: 0 })", "intervalMs: 0 is no time between questions"),
        ('connect(url, { from: "here" })', "from: here is no position, such as 0123abcd:1500"),
        ("delete globalThis.WebSocket; connect(url)", "there is no WebSocket here: Node has one from version 22 on"),
    ],
)
async def test_a_mistake_is_one_sentence(tmp_path: Path, call: str, sentence: str) -> None:
    script = f"try {{ {call}; }} catch (error) {{ say(error.message); }}"
    (said,) = await told(tmp_path, script, "http://127.0.0.1:9/")
    assert said.startswith(sentence)


@pytest.mark.parametrize("place", ["ws://127.0.0.1:{}/v1/stream", "http://127.0.0.1:{}/", "http://127.0.0.1:{}"])
async def test_one_address_leads_to_all(server: RunningServer, tmp_path: Path, place: str) -> None:
    script = """
    for (const transport of ["ws", "sse", "long-poll", "short-poll"]) {
      const feed = connect(url, { transport });
      await feed.subscribe("*", { channels: ["quotes"] });
      for await (const tick of feed) {
        say(tick.ch);
        break;
      }
      feed.close();
    }
    """
    assert await told(tmp_path, script, place.format(server.port)) == ["quote"] * 4


@pytest.mark.parametrize("transport", ["ws", "sse"])
async def test_only_the_latest_is_no_hole(server: RunningServer, tmp_path: Path, transport: str) -> None:
    script = """
    const feed = open();
    await feed.subscribe("*", { channels: ["quotes"], pace: "latest", rateHz: 5 });
    let left = 5;
    feed.on("message", ({ type, data }) => {
      if (type === "ticks" && data.length > 0 && --left === 0) {
        say({ missed: feed.missed });
        feed.close();
      }
    });
    """
    said = await told(tmp_path, script, server.url, transport=transport)
    assert {"missed": 0} in said
    assert not any("gap" in one for one in said)


# Who is slow.


SLOW = """
const heard = { ticks: 0 };
const feed = open({ window: 4, tap: ({ way, kind }) => void (heard.ticks += way === "received" && kind === "ticks") });
const lagged = new Promise((resolve) => feed.on("lag", resolve));
await feed.subscribe("ACME", { channels: ["trades", "quotes"] });
await lagged;
say({ unread: heard.ticks });
let left = 1000;
for await (const tick of feed) {
  say({ tick });
  if (--left === 0) break;
}
say({ missed: feed.missed });
feed.close();
"""


async def test_who_does_not_read_is_sent_a_window_and_told_what_it_missed(
    serve_ticker: Callable[..., RunningServer], tmp_path: Path
) -> None:
    server = serve_ticker(*BRISK, "--feed.tape-s", "0.2")
    said = await told(tmp_path, SLOW, server.url)
    assert next(one["unread"] for one in said if "unread" in one) <= 4
    gaps = [one["gap"] for one in said if "gap" in one]
    missed = sum(gap["to"] - gap["from"] + 1 for gap in gaps)
    assert missed > 0
    assert said[-1] == {"missed": missed}
    numbers = counts([one["tick"] for one in said if "tick" in one])
    holes = {
        (ch, before + 1, after - 1)
        for (ch, _), those in numbers.items()
        for before, after in pairwise(those)
        if after > before + 1
    }
    assert holes <= {(gap["channel"].rstrip("s"), gap["from"], gap["to"]) for gap in gaps}
    assert holes


async def test_who_does_not_read_an_event_stream_leaves_it_and_goes_on(
    serve_ticker: Callable[..., RunningServer], tmp_path: Path
) -> None:
    server = serve_ticker(*BRISK, "--step-ms", "2")
    script = """
    let [asked, heard, isFull] = [0, 0, () => {}];
    const full = new Promise((resolve) => void (isFull = resolve));
    const tap = ({ way, kind }) => {
      asked += way === "sent" && kind === "sse";
      heard += way === "received" && kind === "ticks";
      if (heard === 256) isFull(); // of which none is processed
    };
    const feed = open({ transport: "sse", tap });
    await feed.subscribe("*", { channels: ["trades", "quotes"] });
    await full;
    let left = 20000;
    for await (const tick of feed) {
      say([tick.ch, tick.sym, tick.n]);
      if (--left === 0) break;
    }
    say({ asked, missed: feed.missed });
    feed.close();
    """
    *said, end = [
        one for one in await told(tmp_path, script, server.url) if not isinstance(one, dict) or "asked" in one
    ]
    assert end["missed"] == 0
    assert end["asked"] >= 2
    assert_each_once([{"ch": ch, "sym": sym, "n": n} for ch, sym, n in said])


# In a browser.


READ = """async ([origin, ways]) => {
    const { connect } = await import(`${origin}client/client.js`);
    return Promise.all(ways.map(async (options) => {
        const feed = connect(origin, options);
        await feed.subscribe("ACME", { channels: ["trades", "quotes"] });
        const ticks = [];
        for await (const tick of feed) if (ticks.push(tick) === 100) break;
        feed.close();
        return [ticks, feed.missed];
    }));
}"""


async def read_in(page: Page, server: RunningServer) -> None:
    for ticks, missed in await page.evaluate(READ, [server.url, list(WAYS.values())]):
        assert missed == 0
        assert len(ticks) == 100
        assert_each_once(ticks)


async def test_a_page_imports_it_from_the_server(server: RunningServer, visit: Visit) -> None:
    await enter(visit.page, server)
    await read_in(visit.page, server)
    assert visit.complaints == []


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[str]:
    """The origin of another web server, which has nothing but an empty page."""
    (tmp_path / "index.html").write_text("<!doctype html><link rel=icon href=data:,>")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as other:
        thread = Thread(target=other.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{other.server_port}"
        other.shutdown()
        thread.join()


async def test_a_page_of_another_origin_imports_it_where_the_server_lets_it(
    serve_ticker: Callable[..., RunningServer], elsewhere: str, visit: Visit
) -> None:
    server = serve_ticker(*BRISK, "--http.origins", elsewhere)
    await visit.page.goto(elsewhere)
    await read_in(visit.page, server)
    assert visit.complaints == []
