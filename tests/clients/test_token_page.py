"""Tokens in the JavaScript client, in Node and in the page: taken along every way, and told to nobody."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect
from test_js_client import WAYS, told

from conftest import RunningServer
from credentials import AUDIENCE, ROLES, SECRET, signed, tokens_file
from market_page import Guest
from witness import BRISK

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKEN, LIMITED, WRONG = ROLES["everything"].token, ROLES["two symbols"].token, "wrong-0123456789-wrong"
SOME = signed(symbols=["ACME", "BYTE"])  # on every channel: the page wants them all
SCRIPT = """
const seen = [];
const feed = open({ tap: (event) => seen.push(JSON.stringify(event)) });
feed.on("state", (state, why) => {
  if (state === "closed" && why !== "you disconnected") {
    say({ closed: why });
    say({ leaked: seen.some((one) => one.includes(options.token)) });
    process.exit(0);
  }
});
feed.subscribe(["ACME", "BYTE"], { channels: ["trades", "quotes"] }).catch((error) => say({ failed: error.message }));
let count = 0;
for await (const tick of feed) if ((count += 1) === 50) break;
say({ count, leaked: seen.some((one) => one.includes(options.token)) });
feed.close();
"""


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer], tmp_path_factory: pytest.TempPathFactory) -> RunningServer:
    folder = tmp_path_factory.mktemp("auth")
    (folder / "key").write_text(SECRET)
    keys = ("--auth.jwt-key-file", str(folder / "key"), "--auth.jwt-audience", AUDIENCE)
    return serve_ticker(
        *BRISK, "--auth.file", str(tokens_file(folder / "t.toml", "one symbol")), *keys, "--stream.close-s", "0.2"
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("token", [TOKEN, LIMITED, signed()], ids=["all", "some", "jwt"])
async def test_a_token_lets_the_client_in_and_is_told_to_nobody(
    server: RunningServer, tmp_path: Path, way: str, token: str
) -> None:
    said: list[Any] = await told(tmp_path, SCRIPT, server.url, token=token, **WAYS[way])
    assert [one for one in said if "tape" not in one] == [{"count": 50, "leaked": False}]


@pytest.mark.parametrize("way", WAYS)
async def test_a_wrong_one_closes_it_for_good(server: RunningServer, tmp_path: Path, way: str) -> None:
    said = await told(tmp_path, SCRIPT, server.url, token=WRONG, **WAYS[way])
    [closed] = [one["closed"] for one in said if "closed" in one]
    assert "nobody has that token" in closed
    assert {"leaked": False} in said


async def test_a_fresh_one_is_asked_for_with_every_connection(server: RunningServer, tmp_path: Path) -> None:
    """The first is short of life: the server ends it, and the client comes back with the next."""
    script = """
const tokens = options.tokens;
delete options.tokens;
let lost = 0;
const feed = open({ token: () => tokens[lost] });
feed.on("state", (state, why) => {
  if (state === "reconnecting") lost = 1;
  if (state === "closed") process.exit(why === "you disconnected" ? 0 : 1);
});
feed.on("reconnect", (why) => { say({ back: why }); feed.close(); });
await feed.subscribe("ACME", { channels: ["trades"] });
for await (const tick of feed) if (feed.state === "closed") break;
"""
    said = await told(tmp_path, script, server.url, tokens=[signed(seconds=4), TOKEN])
    [back] = [one["back"] for one in said if "back" in one]
    assert "4005" in back


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "\u00e9"])
async def test_what_is_no_token_is_said_without_showing_it(server: RunningServer, tmp_path: Path, token: str) -> None:
    script = "try { open({}); } catch (error) { say({ name: error.name, message: error.message }); }"
    [said] = await told(tmp_path, script, server.url, token=token)
    assert (said["name"], said["message"]) == ("TypeError", "token: it is empty, or has a character that no token has")


# The page.


@pytest.mark.parametrize("token", [TOKEN, SOME], ids=["all", "some"])
async def test_the_page_takes_a_token_from_its_address_and_leaves_it_nowhere(
    guest: Guest, server: RunningServer, token: str
) -> None:
    page = guest.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(f"{server.url}#token={token}")
    await expect(page.locator("#state")).to_have_text("live")
    await expect(page.locator("#rows tr[data-symbol=ACME] td.last")).to_have_text(re.compile(r"\d+\.\d\d"))
    assert token not in page.url
    assert not [url for url in asked if token in url]
    rows = await page.locator("#rows tr[data-symbol]").count()
    assert rows == 2 if token == SOME else rows > 2
    await expect(page.locator("#who")).to_be_hidden()
    await page.goto(f"{server.url}#wire")
    await page.reload()
    await expect(page.locator("#state")).to_have_text("live")
    assert token not in await page.locator("body").inner_text()


async def test_the_page_asks_for_one_where_it_has_none(guest: Guest, server: RunningServer) -> None:
    page = guest.page
    await page.goto(server.url)
    await expect(page.locator("#who")).to_be_visible()
    await page.locator("#who-token").fill(TOKEN)
    await page.locator("#who button").click()
    await expect(page.locator("#state")).to_have_text("live")
    await expect(page.locator("#who")).to_be_hidden()
    stored = json.loads(await page.evaluate("JSON.stringify({...sessionStorage})"))
    assert stored == {"ticker-token": TOKEN}
    assert await page.evaluate("document.cookie + JSON.stringify({...localStorage})") == "{}"
