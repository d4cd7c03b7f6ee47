"""What an operator has got wrong with NATS is a sentence that says so, and ends the command; what may pass does not."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from certificates import pair
from nats_server import nats_server
from stations import Stations, settings, stations
from ticker.config import NatsConfig
from ticker.errors import SetupError
from ticker.links.nats.addresses import access
from ticker.links.nats.connection import Connection
from ticker.links.nats.jetstream import JetStream

USERS = """
authorization {
  users = [
    { user: full, password: secret }
    { user: poor, password: secret, permissions: { publish: ["$JS.API.INFO"], subscribe: [">"] } }
    { user: reader, password: secret, permissions: {
        publish: ["$JS.API.>", "$JS.FC.>"], subscribe: [">"] } }
  ]
}
"""
Make = Callable[..., Any]


async def failure(made: Stations, kind: str, url: str, **keys: Any) -> str:
    """Return in what sentence a station ends."""
    station = getattr(made, kind)(url, **keys)
    await station.until(lambda: station.failure)
    return str(station.failure)


@pytest.mark.parametrize("kind", ["root", "leaf"])
async def test_a_wrong_password(tmp_path: Path, kind: str) -> None:
    with nats_server(tmp_path, settings=USERS) as nats:
        async with stations() as made:
            for keys in ({"user": "full", "password": "wrong"}, {}):
                said = await failure(made, kind, nats.url, **keys)
                assert "authorization" in said and "secret" not in said and str(nats.port) in said
            good = getattr(made, kind)(nats.url.replace("nats://", "nats://full:secret@"))
            if kind == "root":
                await good.more(3)
            else:
                await good.until(lambda: "no tape" in good.reason)


@pytest.mark.parametrize("kind", ["root", "leaf"])
async def test_jetstream_is_disabled(tmp_path: Path, kind: str) -> None:
    with nats_server(tmp_path, jetstream=False) as nats:
        async with stations() as made:
            assert "JetStream disabled" in await failure(made, kind, nats.url)


async def test_no_permission(tmp_path: Path) -> None:
    with nats_server(tmp_path, settings=USERS) as nats:
        async with stations() as made:
            said = await failure(made, "root", nats.url, user="poor", password="secret")
            assert "does not permit" in said and "stream.info" in said
            root = made.root(nats.url, user="full", password="secret")
            await root.more(3)
            leaf = made.leaf(nats.url, user="reader", password="secret")
            await leaf.more(3)


async def test_a_stream_that_is_not_ours(tmp_path: Path) -> None:
    with nats_server(tmp_path) as nats:
        known = access(NatsConfig(publish=nats.url))
        connection = await Connection.open(known, known.addresses[0], "operator")
        jetstream = JetStream(connection)
        await jetstream.create({"name": "ticker_main", "subjects": ["orders.>"], "storage": "file", "max_bytes": -1})
        await jetstream.create({"name": "wide", "subjects": ["ticker.wide.>"], "storage": "file", "max_bytes": -1})
        await connection.close()
        async with stations() as made:
            assert "ticker_main of NATS is not ours" in await failure(made, "root", nats.url)
            assert "takes ticker.wide.> already" in await failure(made, "root", nats.url, tape="wide")


async def test_no_room(tmp_path: Path) -> None:
    limits = f'jetstream {{ store_dir: "{tmp_path}/small", max_file_store: 2MB, max_memory_store: 1MB }}'
    with nats_server(tmp_path, settings=limits, jetstream=False) as nats:
        async with stations() as made:
            assert "nats.max_bytes" in await failure(made, "root", nats.url)


async def test_tls(tmp_path: Path) -> None:
    (cert, key), (old, old_key) = pair(tmp_path, "good"), pair(tmp_path, "old", begins_days=-9, ends_days=-1)
    secured, expired = (f'tls {{ cert_file: "{a}", key_file: "{b}" }}' for a, b in ((cert, key), (old, old_key)))
    ca = cert
    with (
        nats_server(tmp_path / "tls", settings=secured) as nats,
        nats_server(tmp_path / "plain") as plain,
        nats_server(tmp_path / "old", settings=expired) as late,
    ):
        async with stations() as made:
            assert "nats.tls_ca" in await failure(made, "leaf", nats.url.replace("nats:", "tls:"))
            said = await failure(made, "leaf", plain.url.replace("nats:", "tls:"), tls_ca=str(ca))
            assert "does not speak TLS" in said
            said = await failure(made, "leaf", late.url.replace("nats:", "tls:"), tls_ca=str(old))
            assert "expired" in said
            root = made.root(nats.url.replace("nats:", "tls:"), tls_ca=str(ca))
            leaf = made.leaf(nats.url.replace("nats:", "tls:"), tls_ca=str(ca))
            await root.more(5)
            await leaf.more(5)


async def test_permissions_that_are_lost_later(tmp_path: Path) -> None:
    with nats_server(tmp_path, settings=USERS) as nats:
        async with stations() as made:
            root = made.root(nats.url, user="full", password="secret")
            await root.more(3)
            leaf = made.leaf(nats.url, user="reader", password="secret")
            await leaf.more(3)
            nats.reload(USERS.replace("reader", "stranger"))
            await leaf.until(lambda: "authorization" in leaf.reason)
            before = leaf.head
            await asyncio.sleep(0.3)
            assert not leaf.failure, "once it has worked, it goes on trying"
            nats.reload(USERS)
            await leaf.until(lambda: leaf.head > before and not leaf.reason)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"publish": "http://127.0.0.1:4222"}, "nats.publish"),
        ({"publish": "nats://:4222"}, "nats.publish"),
        ({"source": "nats://host:port"}, "nats.source"),
        ({"source": "nats://user:hidden@host/path"}, "nats.source"),
        ({"source": "nats://a,,nats://b"}, "nats.source"),
        ({"publish": "nats://a", "creds": "/nowhere.creds"}, "nats.creds: /nowhere.creds: no such file"),
        ({"publish": "tls://a", "tls_ca": "/nowhere.pem"}, "nats.tls_ca: /nowhere.pem: no such file"),
        ({"publish": "tls://a", "tls_cert": __file__, "tls_key": __file__}, "nats.tls_cert"),
        ({"publish": "nats://a", "creds": __file__}, "nats.creds"),
    ],
)
def test_what_cannot_be_an_address_or_a_file(keys: dict[str, str], said: str) -> None:
    with pytest.raises(SetupError) as caught:
        access(NatsConfig(**keys))
    assert said in str(caught.value) and "hidden" not in str(caught.value)


def test_what_can_be() -> None:
    known = access(NatsConfig(source="nats://u:p@one:1, two,tls://three,[::1]:7,nats://[::2]"))
    assert [one.shown for one in known.addresses] == ["one:1", "two:4222", "three:4222", "[::1]:7", "[::2]:4222"]
    assert [one.secure for one in known.addresses] == [False, False, True, False, False]
    assert known.addresses[0].url == "nats://u:p@one:1" and "u:p" not in repr(known)
    assert settings("nats://x").nats.publish == "nats://x"
