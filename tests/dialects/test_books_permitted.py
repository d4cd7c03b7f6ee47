"""Kraken and Coinbase where tokens are needed: what is not permitted is unknown, over WebSocket and by REST."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from conftest import RunningServer
from credentials import ALL, Role, tokens_file
from plain_http import fetch

BITCOIN = Role("bitcoin-alone-0123456789", frozenset({"BTC-USD"}), ALL)
BEARER = {"Authorization": f"Bearer {BITCOIN.token}"}
SIGNED = {"signature": "s", "passphrase": "p", "timestamp": "1"}


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer], tmp_path_factory: pytest.TempPathFactory) -> RunningServer:
    file = tokens_file(tmp_path_factory.mktemp("tokens") / "tokens.toml", roles={"bitcoin": BITCOIN})
    flags = ("--universe", "pairs", "--venues.mount", "kraken,coinbase", "--auth.file", str(file))
    return serve_ticker(*flags)


def talk_to(server: RunningServer, path: str, **headers: str) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{server.port}{path}", proxy=None, additional_headers=headers)


def ask(client: ClientConnection, message: dict[str, Any]) -> Any:
    client.send(json.dumps(message))
    return json.loads(client.recv(timeout=10))


def subscribe(*product_ids: str, **fields: str) -> dict[str, Any]:
    return {"type": "subscribe", "product_ids": product_ids, "channels": ["matches"], **fields}


def test_kraken_tells_of_what_is_permitted_alone(server: RunningServer) -> None:
    with pytest.raises(InvalidStatus) as refused:
        talk_to(server, "/kraken/v2")
    assert refused.value.response.status_code == 401
    with talk_to(server, "/kraken/v2", **BEARER) as client:
        assert json.loads(client.recv())["channel"] == "status"
        for symbol, known in (("BTC/USD", True), ("ETH/USD", False)):
            params = {"channel": "trade", "symbol": [symbol]}
            assert ask(client, {"method": "subscribe", "params": params})["success"] is known
        assert json.loads(client.recv(timeout=30))["channel"] in ("trade", "heartbeat")
    listed, _ = fetch(server, "kraken/0/public/AssetPairs", **BEARER)
    assert list(listed["result"]) == ["XXBTZUSD"]


def test_a_key_of_coinbase_is_a_token(server: RunningServer) -> None:
    with talk_to(server, "/coinbase") as client:
        assert ask(client, subscribe("BTC-USD"))["reason"] == "Authentication Failed"
        assert ask(client, subscribe("BTC-USD", key="wrong", **SIGNED))["reason"] == "Authentication Failed"
        assert (
            ask(client, subscribe("ETH-USD", key=BITCOIN.token, **SIGNED))["reason"] == "ETH-USD is not a valid product"
        )
        told = ask(client, subscribe("BTC-USD", key=BITCOIN.token, **SIGNED))
        assert told["channels"] == [{"name": "matches", "product_ids": ["BTC-USD"], "account_ids": None}]
        assert json.loads(client.recv(timeout=30))["product_id"] == "BTC-USD"
    products, _ = fetch(server, "coinbase/products", **BEARER)
    assert [product["id"] for product in products] == ["BTC-USD"]
