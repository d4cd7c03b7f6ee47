"""Requests and responses, as the door hands them to handlers and writes what they return."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

from ticker.errors import Refusal

JSON = "application/json"
NO_STORE = {"Cache-Control": "no-store"}


@dataclass
class Request:
    """One request: `target` as sent, `headers` in order with their names in lower case."""

    method: str
    target: str
    version: str
    headers: list[tuple[str, str]]

    @cached_property
    def path(self) -> str:
        return unquote(self.target.partition("?")[0])

    def header(self, name: str) -> str:
        """Return a header's values joined by commas, empty where there is none."""
        return ", ".join(value for key, value in self.headers if key == name)

    def query(self, *known: str) -> dict[str, str]:
        """Return the query's parameters. Raises Refusal (bad_request) for an unknown or repeated one."""
        found: dict[str, str] = {}
        for name, value in parse_qsl(self.target.partition("?")[2], keep_blank_values=True):
            if name not in known:
                takes = ", ".join(known) or "none"
                raise Refusal("bad_request", f"unknown parameter {name[:32]!r}; known: {takes}", field=name[:32])
            if name in found:
                raise Refusal("bad_request", f"{name}: given twice", field=name)
            found[name] = value
        return found


@dataclass
class Response:
    """What is sent back; Content-Length, Date and Connection are the door's."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Response]


def json_response(value: Any, status: int = 200) -> Response:
    """Return a document that must not be cached."""
    return Response(status, orjson.dumps(value), JSON, NO_STORE)


def problem(refusal: Refusal, headers: Mapping[str, str] | None = None) -> Response:
    """Spell a refusal as problem+json (RFC 9457)."""
    document = {
        "type": "about:blank",
        "title": HTTPStatus(refusal.http_status).phrase,
        "status": refusal.http_status,
        "code": refusal.code,
        "detail": refusal.message,
        **refusal.details,
    }
    return Response(
        refusal.http_status, orjson.dumps(document), "application/problem+json", {**NO_STORE, **(headers or {})}
    )


def open_head(content_type: str, headers: Mapping[str, str], date: str) -> bytes:
    """Return the status line and headers of an answer that goes on until the connection ends."""
    lines = [
        "HTTP/1.1 200 OK",
        f"Date: {date}",
        f"Content-Type: {content_type}",
        "X-Content-Type-Options: nosniff",
        *(f"{name}: {value}" for name, value in headers.items()),
        "Connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def head(response: Response, date: str, *, keep_alive: bool) -> bytes:
    """Return the status line and headers."""
    lines = [
        f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}",
        f"Date: {date}",
        f"Content-Type: {response.content_type}",
        *([f"Content-Length: {len(response.body)}"] if response.status != HTTPStatus.NOT_MODIFIED else []),
        "X-Content-Type-Options: nosniff",
        *(f"{name}: {value}" for name, value in response.headers.items()),
        f"Connection: {'keep-alive' if keep_alive else 'close'}",
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
