"""`ticker watch` on a real terminal: keys, sizes, signals, a server that goes away, and a terminal that is put back."""

import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable

import pytest

from admin_client import AdminClient
from conftest import RunningServer
from terminal_screen import PATIENCE_S, TerminalScreen

LOCAL = 3  # where termios has the flags of echo and lines
RED_OR_GREEN = re.compile(rb"\x1b\[(?:\d+;)*3[0-7]")

PUT_BACK = ((b"\x1b[?25h", b"\x1b[?25l"), (b"\x1b[?7h", b"\x1b[?7l"), (b"\x1b[?1049l", b"\x1b[?1049h"))
"""What a terminal is told last, and what must not come after it: cursor, wrapping, the other screen."""


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker("--admin.enabled")


def command(server: RunningServer, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "ticker", "watch", "--url", server.stream, *arguments]


def assert_put_back(screen: TerminalScreen) -> None:
    """Assert that the terminal is as it was: line by line, with echo, a cursor, and the screen that was there."""
    assert screen.modes == screen.before
    screen.wait(lambda _: all(screen.raw.rfind(back) > screen.raw.rfind(taken) for back, taken in PUT_BACK), "put back")


def test_keys_do_what_help_says(server: RunningServer) -> None:
    with TerminalScreen(command(server)) as screen:
        screen.wait_for("● live", "ticks/s", ">ACME", "q quit")
        assert not screen.modes[LOCAL] & (termios.ECHO | termios.ICANON)
        screen.type("j\x1b[B")
        screen.wait_for(">ATIC")
        screen.type("k")
        screen.wait_for(">ANVL")
        screen.type("s")
        screen.wait_for("Change▾")
        screen.type("r")
        screen.wait_for("Change▴")
        screen.type("/byte")
        screen.wait_for("/byte", "1 of 100")
        screen.type("\r")
        screen.wait_for(">BYTE", "Esc ends")
        screen.type("\r")
        lines = screen.wait_for("✓ proved", "0 wrong", "time (UTC)", "Esc table")
        assert len([line for line in lines if "│" in line]) == 11
        screen.type("\x1b")
        screen.wait_for(">BYTE", "State")
        screen.type("\x1b")
        screen.wait_for("ACME", "BYTE")
        screen.type("?")
        screen.wait_for("this help")
        screen.type("?")
        screen.wait(lambda lines: "this help" not in "\n".join(lines))
        screen.type("p")
        screen.wait_for("paused")
        frozen = screen.lines[4:-1]
        position = screen.lines[0]
        screen.wait(lambda lines: lines[0] != position, "the position goes on")
        assert screen.lines[4:-1] == frozen
        screen.type("p")
        screen.wait(lambda lines: lines[4:-1] != frozen and "paused" not in lines[0], "it goes on")
        screen.type("q")
        assert screen.end() == 0
        assert_put_back(screen)
        screen.wait_for(" ticks, ", " 0 missed")


def test_the_transport_is_changed_in_the_middle(server: RunningServer) -> None:
    with TerminalScreen(command(server, "ACME"), 120, 12) as screen:
        screen.wait_for("● live  ws", "ACME")
        for transport in ("sse", "long-poll", "short-poll", "ws"):
            screen.type("t")
            screen.wait_for(f"● live  {transport} ", "missed 0", "lags 0")
            position = screen.lines[0]
            screen.wait(lambda lines, before=position: lines[0] != before, "the position goes on")  # type: ignore[misc]
        screen.type("q")
        assert screen.end() == 0
        screen.wait_for("0 missed")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_puts_the_terminal_back(server: RunningServer, number: signal.Signals) -> None:
    with TerminalScreen(command(server, "--book", "ACME")) as screen:
        screen.wait_for("✓ proved")
        screen.process.send_signal(number)
        assert screen.end() == 0
        assert_put_back(screen)


def test_it_can_be_stopped_and_continued(server: RunningServer) -> None:
    with TerminalScreen(command(server)) as screen:
        screen.wait_for("● live", "ACME")
        screen.process.send_signal(signal.SIGTSTP)
        until = time.monotonic() + PATIENCE_S
        while os.waitid(os.P_PID, screen.process.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is None:
            assert time.monotonic() < until
            time.sleep(0.02)
        assert_put_back(screen)
        screen.process.send_signal(signal.SIGCONT)
        screen.wait_for("● live", "ACME")
        assert not screen.modes[LOCAL] & termios.ECHO
        screen.type("q")
        assert screen.end() == 0
        assert_put_back(screen)


def test_another_size_is_another_picture(server: RunningServer) -> None:
    with TerminalScreen(command(server), 80, 24) as screen:
        screen.wait(lambda lines: "q quit" in lines[23] and "Ask size" not in lines[3])
        for width, height in ((160, 30), (60, 12), (80, 24)):
            screen.resize(width, height)
            screen.process.send_signal(signal.SIGWINCH)
            lines = screen.wait(lambda lines: "q quit" in lines[-1] and "State" in lines[3], f"{width} x {height}")
            assert ("Ask size" in lines[3]) == (width > 100)
            assert len(lines) == height


def test_a_halt_is_shown(server: RunningServer) -> None:
    with TerminalScreen(command(server, "ACME", "BYTE")) as screen:
        screen.wait_for("ACME", "trading")
        AdminClient(server).post("incidents", {"kind": "halt", "symbols": ["BYTE"], "duration_s": 3600})
        lines = screen.wait_for("halted")
        assert [line.split()[-1] for line in lines[4:6]] == ["trading", "halted"]


def test_a_server_that_goes_away_and_comes_back_is_shown(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker("--seed", "5")
    with TerminalScreen(command(server)) as screen:
        screen.wait_for("● live", "ACME")
        server.stop()
        screen.wait_for("○ reconnecting", "for ", "connection refused", "ACME")
        serve_ticker("--seed", "6", "--port", str(server.port))
        screen.wait_for("● live", "ACME", "another tape")
        screen.type("q")
        assert screen.end() == 0


@pytest.mark.parametrize("limit", [("--count", "150"), ("--duration", "2s")])
def test_a_picture_has_limits_too(server: RunningServer, limit: tuple[str, str]) -> None:
    with TerminalScreen(command(server, *limit)) as screen:
        assert screen.end() == 0
        assert_put_back(screen)
        screen.wait_for(" ticks, ", " merged")


def test_no_color_is_kept_to(server: RunningServer) -> None:
    with TerminalScreen(command(server)) as coloured, TerminalScreen(command(server), NO_COLOR="1") as plain:
        for screen in (coloured, plain):
            screen.wait(lambda lines: any("▲" in line or "▼" in line for line in lines), "a price that moved")
        assert RED_OR_GREEN.search(coloured.raw)
        assert not RED_OR_GREEN.search(plain.raw)


def test_a_terminal_that_knows_no_cursor_gets_lines(server: RunningServer) -> None:
    with TerminalScreen(command(server, "ACME", "--count", "3"), TERM="dumb") as screen:
        screen.wait(lambda _: screen.raw.count(b"\n") == 3, "three lines")
        assert screen.end() == 0
        assert b"\x1b" not in screen.raw and screen.raw.startswith(b"{")


def test_without_a_keyboard_there_is_a_picture_all_the_same(server: RunningServer) -> None:
    with TerminalScreen(command(server), typed=False) as screen:
        screen.wait_for("● live", "ACME", "Ctrl-C ends")
        screen.process.send_signal(signal.SIGINT)
        assert screen.end() == 0
        assert_put_back(screen)


def test_a_book_that_is_not_there_is_said(server: RunningServer) -> None:
    with TerminalScreen(command(server, "--book", "ACNE")) as screen:
        _, errors = screen.process.communicate(timeout=PATIENCE_S)
        assert (screen.process.returncode, errors) == (2, b"ticker: --book: unknown symbol: ACNE\n")
        assert b"\x1b[?1049h" not in screen.raw


def test_lines_are_lines_on_a_terminal_too(server: RunningServer) -> None:
    with TerminalScreen(command(server, "ACME", "--csv", "--count", "2")) as screen:
        screen.wait(lambda _: screen.raw.count(b"\n") == 3, "a header and two rows")
        assert screen.raw.startswith(b"ch,sym,n,t,") and b"\x1b" not in screen.raw


def test_a_terminal_that_is_closed_ends_it(server: RunningServer) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command(server), stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, env={**os.environ, "TERM": "xterm"}
    ) as process:
        os.close(theirs)
        seen = b""
        while b"ACME" not in seen:
            seen += os.read(ours, 65536)
        os.close(ours)
        _, errors = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, errors) == (0, b"")
