"""Take the picture of the page's conversation in Chromium's own devtools: Network, Socket, Messages.

    python tests/devtools_picture.py [--to .github/devtools.png]

The devtools of a browser are a page like any other, which that browser serves on its debugging port: a second browser
opens it there, looks at the first one's tab, and is photographed.
"""

import argparse
import json
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

from browser import CHROMIUM, FLAGS
from conftest import servers

SIZE = {"width": 1360, "height": 760}
PATIENCE_S = 15.0
NO_SCREENCAST = "for (const name of ['screencast-enabled', 'screencastEnabled']) localStorage.setItem(name, 'false')"


@contextmanager
def watched_browser() -> Iterator[int]:
    """Run a browser whose devtools others may open, and give their port."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    with tempfile.TemporaryDirectory() as profile:
        debugging = [f"--remote-debugging-port={port}", "--remote-allow-origins=*", f"--user-data-dir={profile}"]
        command = [CHROMIUM, *FLAGS, "--headless=new", *debugging, "about:blank"]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            yield port
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def tab_of(port: int) -> str:
    """Return the id of a browser's first tab, once there is one."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
                tabs: list[dict[str, Any]] = json.load(answer)
        except (urllib.error.URLError, ConnectionError):
            tabs = []
        for tab in tabs:
            if tab["type"] == "page":
                return str(tab["id"])
        time.sleep(0.1)
    raise SystemExit("the browser did not start")


def show_messages(devtools: Page) -> None:
    """Open the messages of the conversation about the chosen instrument, and the newest of what the page has said."""
    devtools.get_by_text("Socket", exact=True).first.click()
    devtools.get_by_text("stream?handshake=true").first.click()
    devtools.get_by_role("tab", name="Messages").click()
    devtools.get_by_text('"op":"ack"').last.wait_for()
    devtools.get_by_text('{"type":"ticks"').last.click()


def main() -> None:
    """Take the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=Path(".github/devtools.png"), metavar="FILE")
    to: Path = parser.parse_args().to
    to.parent.mkdir(parents=True, exist_ok=True)
    with servers() as serve, watched_browser() as port, sync_playwright() as playwright:
        server, tab = serve(), tab_of(port)
        viewer = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        devtools = viewer.new_page(viewport=SIZE)  # type: ignore[arg-type]
        devtools.add_init_script(NO_SCREENCAST)
        target = f"ws=127.0.0.1:{port}/devtools/page/{tab}"
        devtools.goto(f"http://127.0.0.1:{port}/devtools/inspector.html?{target}&panel=network")
        expect(devtools.get_by_text("Socket", exact=True).first).to_be_visible()
        page = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}").contexts[0].pages[0]
        page.goto(server.url)
        expect(page.locator("#state")).to_have_text("live")
        time.sleep(1.5)  # for some talk
        show_messages(devtools)
        time.sleep(0.5)
        devtools.screenshot(path=to)
        viewer.close()
    print(f"{to}: {to.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
