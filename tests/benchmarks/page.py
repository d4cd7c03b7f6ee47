"""What the page costs a browser: how long until prices show, frames a second, main-thread time, whether its heap grows.

    python tests/benchmarks/page.py [--universe default] [--instruments 100] [--seconds 60] [--speed 1] [--heap]

Chromium is headless and paints in software, on the cores that the server needs too. Frames are counted by
`requestAnimationFrame`, main-thread time is DevTools' `TaskDuration`; with `--heap` garbage is collected every tenth of
the time, and what is left is told. Visits (`--opened`) have an empty cache; they are timed from the start
of the navigation to the frame after prices stand in the list and at the chosen instrument.
"""

import argparse
import asyncio
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from playwright.async_api import async_playwright

CHROMIUM, FLAGS = "/usr/bin/chromium", ["--no-sandbox", "--disable-gpu"]

COUNT_FRAMES = """() => {
  const seen = (window.seenFrames = []);
  const look = (now) => { seen.push(now); requestAnimationFrame(look); };
  requestAnimationFrame(look);
}"""

# Noted in the page, so that no look from outside takes part in it.
AWAIT_PRICES = """window.priced = new Promise((told) => {
  const priced = (what) => /\\d/.test(document.querySelector(what)?.textContent ?? "");
  const look = () => {
    if (priced("#rows td.last") && priced(".focus-head .px")) requestAnimationFrame(told);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""


async def opening(url: str, visits: int) -> None:
    """Open the page some times, and print how long its first prices took."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        took: list[float] = []
        for _ in range(visits):
            context = await browser.new_context(viewport={"width": 1440, "height": 900})
            page = await context.new_page()
            await page.add_init_script(AWAIT_PRICES)
            await page.goto(url)
            took.append(float(await page.evaluate("() => window.priced")))
            await context.close()
        await browser.close()
    said = " ".join(f"{ms:.0f}" for ms in took)
    print(f"  first prices after {statistics.median(took):.0f} ms (median of {visits}: {said})")


async def measure(url: str, seconds: float, *, heap: bool) -> None:
    """Open the page, let it run, and print what it took."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        await page.goto(url)
        await page.locator('body[data-state="live"]').wait_for()
        devtools = await page.context.new_cdp_session(page)
        await devtools.send("Performance.enable")
        await asyncio.sleep(3)
        await page.evaluate(COUNT_FRAMES)
        before = await figures(devtools)
        left: list[float] = []
        for _ in range(10):
            await asyncio.sleep(seconds / 10)
            if heap:
                await devtools.send("HeapProfiler.collectGarbage")
                left.append((await figures(devtools))["JSHeapUsedSize"] / 1e6)
        after = await figures(devtools)
        moments: list[float] = await page.evaluate("window.seenFrames")
        await browser.close()
    apart = [later - earlier for earlier, later in pairwise(moments)]
    lasted = after["Timestamp"] - before["Timestamp"]
    slowest = statistics.quantiles(apart, n=100)[98]
    rate, longest = 1000 * len(apart) / sum(apart), max(apart)
    print(f"  frames/s {rate:.1f}, 99 of 100 within {slowest:.0f} ms, longest {longest:.0f} ms")
    for name in ("TaskDuration", "ScriptDuration", "LayoutDuration", "RecalcStyleDuration"):
        print(f"  {name:20} {100 * (after[name] - before[name]) / lasted:5.1f} % of the time")
    print(f"  DOM nodes            {after['Nodes']:,.0f} (at the beginning {before['Nodes']:,.0f})")
    if left:
        print("  heap after collection, MB:", " ".join(f"{size:.1f}" for size in left))


async def figures(devtools: Any) -> dict[str, float]:
    """Return what the browser knows of the page's work."""
    found = await devtools.send("Performance.getMetrics")
    return {one["name"]: one["value"] for one in found["metrics"]}


@contextmanager
def serving(*flags: str) -> Iterator[str]:
    """Run a server, and give its page's address."""
    command = [sys.executable, "-m", "ticker", "serve", "--port", "0", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield next(
                f"http://{found[1]}/" for line in process.stdout if (found := re.search(r"ws://(\S+)/v1/", line))
            )
        finally:
            process.terminate()


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--universe", default="default")
    parser.add_argument("--instruments", type=int, default=0, help="all where it is not said")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--heap", action="store_true")
    parser.add_argument("--opened", type=int, default=7, help="visits that are timed; 0 for none")
    options = parser.parse_args()
    few = ("--instruments", str(options.instruments)) if options.instruments else ()
    with serving("--universe", options.universe, "--speed", str(options.speed), *few) as url:
        print(f"{options.universe}, speed {options.speed:g}, {options.seconds:g} s:")
        if options.opened:
            asyncio.run(opening(url, options.opened))
        asyncio.run(measure(url, options.seconds, heap=options.heap))


if __name__ == "__main__":
    main()
