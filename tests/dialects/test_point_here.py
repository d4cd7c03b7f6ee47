"""README's table "point your client here": each line as it stands there, but for the port, in the client it names."""

import json
import re
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from websockets.sync.client import connect

from conftest import ROOT, RunningServer
from dialects.real_clients import environment, python_of

LINE = re.compile(r"^\| (?P<client>[^|]+) \| (?P<universe>pairs|stocks) \| (?P<told>.+) \|$", re.MULTILINE)
DRIVER = Path(__file__).parent / "clients" / "pointed.py"
PORT = ":8765/"


def lines() -> list[tuple[str, str, list[str]]]:
    """Return client, universe, and what is told it, for each line of the table."""
    found = LINE.findall((ROOT / "README.md").read_text())
    return [(client, universe, re.findall(r"`([^`]+)`", told)) for client, universe, told in found]


def test_the_table_is_there() -> None:
    assert [(client, universe) for client, universe, _ in lines()] == [
        ("python-binance", "pairs"),
        ("binance-sdk-spot", "pairs"),
        ("alpaca-py", "stocks"),
        ("alpaca-py", "pairs"),
        ("any of Kraken's v2", "pairs"),
        ("any of Coinbase Exchange's", "pairs"),
    ]


@pytest.mark.parametrize(("client", "universe", "told"), lines())
def test_a_line_holds(client: str, universe: str, told: list[str], serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker("--universe", universe)
    here = [text.replace(PORT, f":{server.port}/") for text in told]
    assert here != told
    if client.startswith("any"):
        streams, answers = here
        with connect(streams, compression=None) as conversation:
            kraken = "kraken" in streams
            conversation.send(
                '{"method":"ping","req_id":5}' if kraken else '{"type":"subscribe","channels":["status"]}'
            )
            said = [json.loads(conversation.recv(10)) for _ in range(2)]
            assert said[1].get("req_id", 5) == 5
        with urllib.request.urlopen(answers, timeout=10) as answer:
            assert json.loads(answer.read())
        return
    done = subprocess.run(
        [python_of(client), DRIVER, f"{client} {universe}", *here],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment(),
    )
    assert (done.returncode, done.stdout) == (0, "a tick, and an answer\n"), done.stderr
