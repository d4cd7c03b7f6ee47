"""The page on adding a venue: the one that stands in it works, as it stands there."""

import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from websockets.sync.client import connect

import test_rooms
from conftest import ROOT, RunningServer

PAGE = (Path(__file__).parent / "ADDING.md").read_text()
(SOURCE,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
WITH_A_FOLDER = (
    "import sys, ticker.dialects; ticker.dialects.__path__.append(sys.argv.pop(1)); "
    "from ticker.__main__ import main; main()"
)


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer], tmp_path_factory: pytest.TempPathFactory) -> RunningServer:
    folder = tmp_path_factory.mktemp("dialects")
    (folder / "fairground.py").write_text(SOURCE)
    flags = ("--universe", "pairs", "--root", "fairground")
    return serve_ticker(*flags, program=("-c", WITH_A_FOLDER, str(folder)))


def test_it_talks(server: RunningServer) -> None:
    with connect(f"ws://127.0.0.1:{server.port}/tent", proxy=None) as client:
        assert client.recv() == "roll up, roll up"
        for said in ("hear NOTHING-USD", "hear", "sing BTC-USD", b"\xff"):
            client.send(said)
            assert client.recv() == "never heard of it"
        client.send("hear BTC-USD")
        assert client.recv() == "hearing BTC-USD"
        lines = [str(client.recv()) for _ in range(5)]
    numbers = [int(re.fullmatch(r"BTC-USD (\d+) \d+\.\d\d", line)[1]) for line in lines]  # type: ignore[index]
    assert numbers == list(range(numbers[0], numbers[0] + 5))


def test_it_answers(server: RunningServer) -> None:
    with connect(f"ws://127.0.0.1:{server.port}/tent", proxy=None) as client:
        client.send("hear ETH-USD")
        while not str(client.recv()).startswith("ETH-USD "):
            pass  # by then there is a last price
    with urllib.request.urlopen(f"{server.url}last/ETH-USD", timeout=10) as answer:
        assert re.fullmatch(rb"\d+\.\d\d", answer.read())
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{server.url}last/NOTHING", timeout=10)
    with refused.value as error:
        assert (error.code, error.read()) == (404, b"no such ride")


def test_it_says_goodbye(server: RunningServer) -> None:
    with connect(f"ws://127.0.0.1:{server.port}/tent", proxy=None) as client:
        assert client.recv() == "roll up, roll up"
        assert server.stop() == 0
        assert client.recv() == "closing time"


def test_it_keeps_the_laws_of_its_room() -> None:
    assert test_rooms.trespasses(SOURCE, "dialects") == []
    assert test_rooms.impurities(SOURCE) == []
    assert test_rooms.has_sign(SOURCE)


def test_what_the_page_names_is_there() -> None:
    named = re.findall(r"`((?:ticker|tests)/[a-z_/.]+(?:py|md))`", PAGE)
    missing = [path for path in named if not (ROOT / path).exists()]
    assert missing == ["ticker/dialects/fairground.py"], "the made-up one alone"
    assert len(named) > 3
