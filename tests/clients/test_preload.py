"""The page asks for all its modules at once: one that is only heard of by another comes a round trip later."""

import re
from pathlib import Path

import ticker_web

FILES = Path(ticker_web.__file__).parent


def imported(name: str) -> list[str]:
    """Return the modules that a module needs before it runs."""
    code = (FILES / name).read_text()
    froms = re.findall(r'^(?:import|export)\s[^;]*?from "(\.[^"]+)"', code, re.MULTILINE)
    return [str((FILES / name).parent.joinpath(one).resolve().relative_to(FILES.resolve())) for one in froms]


def test_every_module_is_asked_for_by_the_page_itself() -> None:
    needed, todo = set(), ["main.js"]
    while todo:
        name = todo.pop()
        if name not in needed:
            needed.add(name)
            todo += imported(name)
    asked = re.findall(r'rel="modulepreload" href="([^"]+)"', (FILES / "index.html").read_text())
    assert sorted(asked) == sorted(needed - {"main.js"})
