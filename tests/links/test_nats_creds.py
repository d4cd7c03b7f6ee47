"""Credentials as `nsc` makes them: a server that trusts an operator, an account of his, a user of hers."""

import base64
import json
import os
import time
from pathlib import Path
from typing import Any

import nkeys

from nats_server import nats_server
from stations import stations

UNLIMITED = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1) | {"wildcards": True}
STORAGE = ("mem_storage", "disk_storage", "streams", "consumer")


def pair(prefix: int) -> tuple[Any, bytes]:
    """Return a key and the seed it is made of."""
    seed = nkeys.encode_seed(os.urandom(32), prefix)
    return nkeys.from_seed(bytearray(seed)), seed


def part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(issuer: Any, subject: Any, claims: dict[str, Any]) -> str:
    """Return a JWT by which a key says something of another."""
    names = {"iss": issuer.public_key.decode(), "sub": subject.public_key.decode(), "name": "test"}
    when = {"iat": int(time.time()), "jti": base64.b32encode(os.urandom(32)).decode().rstrip("=")}
    said = {**names, **when, "nats": {"version": 2, **claims}}
    signed = f"{part(json.dumps({'typ': 'JWT', 'alg': 'ed25519-nkey'}).encode())}.{part(json.dumps(said).encode())}"
    return f"{signed}.{part(issuer.sign(signed.encode()))}"


def accounts() -> tuple[str, str]:
    """Return a server's settings, and the text of a file of credentials that it believes."""
    operator = pair(nkeys.PREFIX_BYTE_OPERATOR)[0]
    account, system = (pair(nkeys.PREFIX_BYTE_ACCOUNT)[0] for _ in range(2))
    user, seed = pair(nkeys.PREFIX_BYTE_USER)
    limits = {amount: {**UNLIMITED, **dict.fromkeys(STORAGE, amount)} for amount in (-1, 0)}
    tokens = {
        one.public_key.decode(): token(operator, one, {"type": "account", "limits": limits[amount]})
        for one, amount in ((account, -1), (system, 0))
    }
    known = token(account, user, {"type": "user", "subs": -1, "data": -1, "payload": -1})
    preload = ", ".join(f'{name}: "{text}"' for name, text in tokens.items())
    settings = (
        f'operator: "{token(operator, operator, {"type": "operator"})}"\n'
        f"system_account: {system.public_key.decode()}\n"
        f"resolver: MEMORY\nresolver_preload: {{ {preload} }}\n"
    )
    return settings, (
        f"-----BEGIN NATS USER JWT-----\n{known}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed.decode()}\n------END USER NKEY SEED------\n"
    )


async def test_a_file_of_credentials(tmp_path: Path) -> None:
    settings, text = accounts()
    file = tmp_path / "user.creds"
    file.write_text(text)
    with nats_server(tmp_path / "nats", settings=settings) as nats:
        async with stations() as made:
            stranger = made.leaf(nats.url)
            await stranger.until(lambda: stranger.failure)
            assert "authorization" in stranger.failure
            root, leaf = made.root(nats.url, creds=str(file)), made.leaf(nats.url, creds=str(file))
            await root.more(5)
            await leaf.more(5)
