"""The examples in the client's docstrings do what they look like."""

import inspect
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from conftest import RunningServer
from ticker_client import Feed, SyncFeed


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker()


def example(of: type) -> str:
    """Return the indented lines of a docstring."""
    lines = inspect.cleandoc(of.__doc__ or "").splitlines()
    return "\n".join(line[4:] for line in lines if line.startswith("    "))


def program(of: type, url: str) -> str:
    """Return an example as a program that ends by itself."""
    text = re.sub(r"ws://[^\"]+", url, example(of))
    assert url in text
    if "await" not in text:
        return f"from ticker_client import connect_sync\n{text}"
    body = text.replace("\n", "\n    ")
    return (
        f"import asyncio\nfrom ticker_client import connect\nasync def main():\n    {body}\n"
        "    print(table)\nasyncio.run(main())"
    )


def test_the_asynchronous_example_runs(server: RunningServer) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program(Feed, server.stream)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    first, head, *rows = done.stdout.splitlines()
    assert re.match(r"(Trade|Quote)\(sym='ACME'", first)
    assert head.split() == ["sym", "n", "t", "px", "sz", "side"]
    assert rows


def test_the_synchronous_example_runs(server: RunningServer) -> None:
    command = (sys.executable, "-u", "-c", program(SyncFeed, server.stream))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        first = process.stdout.readline()
        process.terminate()
        assert first.startswith("Trade(sym='ACME'"), process.stderr.read()
