"""Calls of the admin API of a running server, with whatever headers a test wants."""

import http.client
import time
from typing import Any, NamedTuple

import orjson

from conftest import RunningServer

PATIENCE_S = 30.0


class Answer(NamedTuple):
    """An answer: `body` is read where it is JSON."""

    status: int
    headers: dict[str, str]
    body: Any
    raw: bytes


class AdminClient:
    """One connection a call."""

    def __init__(self, server: RunningServer, **headers: str) -> None:
        self.server = server
        self._headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def call(self, method: str, name: str, body: Any = None, **headers: str) -> Answer:
        """Call `/admin/name`; a body that is not bytes is sent as JSON."""
        sent = {**self._headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        data = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE_S)
        try:
            connection.request(method, f"/admin/{name}", data, sent)
            response = connection.getresponse()
            raw = response.read()
        finally:
            connection.close()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, orjson.loads(raw) if "json" in found["content-type"] else None, raw)

    def get(self, name: str, **headers: str) -> Any:
        """Return what is answered to a GET that is obeyed."""
        answer = self.call("GET", name, **headers)
        assert answer.status == 200, answer
        return answer.body

    def post(self, name: str, body: Any = None, **headers: str) -> Any:
        """Return what is answered to a POST that is obeyed."""
        answer = self.call("POST", name, body, **headers)
        assert answer.status == 200, answer
        return answer.body

    def until_paused(self) -> Any:
        """Wait until the market stands still, and return where."""
        until = time.monotonic() + PATIENCE_S
        while not (state := self.get("state"))["paused"]:
            assert time.monotonic() < until, state
            time.sleep(0.02)
        return state
