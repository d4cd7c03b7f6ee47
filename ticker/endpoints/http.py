"""Requests and responses, as the door hands them to handlers and writes what they return."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from http import HTTPStatus
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qsl, unquote

import msgspec
import orjson

from ticker.dialects import native
from ticker.endpoints.heads import origin_form
from ticker.errors import Refusal
from ticker.session.permits import OPEN, Permit
from ticker.session.requests import Query

JSON = "application/json"
NO_STORE = {"Cache-Control": "no-store"}
METHODS = "GET, HEAD, OPTIONS"
TOKEN = "token"
PREFLIGHT_S = 600  # how long a browser may remember what we allow
BARE = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}

AnyQuery = TypeVar("AnyQuery", bound=Query)


@dataclass
class Request:
    """One request: `target` as sent, `headers` in order with their names in lower case.

    `body` is there where the path takes one; `peer` is the address that it comes from. What the query says as `token`
    is taken out of the target, so that nobody can show it; `permit` is what whoever asks may have.
    """

    method: str
    target: str
    version: str
    headers: list[tuple[str, str]] = field(repr=False)  # a token among them has no place in a log
    keep_alive: bool = False
    body: bytes = b""
    peer: str = ""
    tokens: tuple[str, ...] = field(default=(), repr=False)
    permit: Permit | None = field(default=OPEN, repr=False)
    audited: bool = False  # a line in the log says what came of it

    def __post_init__(self) -> None:
        path, _, query = self.target.partition("?")
        if query and ("token" in query or "%" in query):
            kept = [part for part in query.split("&") if _named(part) != TOKEN]
            self.tokens = tuple(value for name, value in parse_qsl(query, keep_blank_values=True) if name == TOKEN)
            self.target = f"{path}?{'&'.join(kept)}" if kept else path

    @cached_property
    def path(self) -> str:
        return unquote(origin_form(self.target).partition("?")[0])

    def header(self, name: str) -> str:
        """Return a header's values joined by commas, empty where there is none."""
        return ", ".join(value for key, value in self.headers if key == name)

    def read(self, kind: type[AnyQuery]) -> AnyQuery:
        """Return the query's parameters. Raises Refusal (bad_request) that names the one that is wrong."""
        known = _parameters(kind)
        found: dict[str, str] = {}
        for name, value in parse_qsl(self.target.partition("?")[2], keep_blank_values=True):
            if name not in known:
                takes = ", ".join(known) or "none"
                raise Refusal("bad_request", f"unknown parameter {name[:32]!r}; known: {takes}", field=name[:32])
            if name in found:
                raise Refusal("bad_request", f"{name}: given twice", field=name)
            found[name] = value
        try:
            return msgspec.convert(found, kind, strict=False)
        except msgspec.ValidationError as error:
            name, sentence = native.field_of(str(error))
            raise Refusal("bad_request", f"{name}: {sentence}", field=name) from None


def _named(part: str) -> str:
    """Return what a part of a query is called."""
    return unquote(part.partition("=")[0].replace("+", " "))


@cache
def _parameters(kind: type[Query]) -> tuple[str, ...]:
    return tuple(parameter.encode_name for parameter in msgspec.structs.fields(kind))


@dataclass
class Response:
    """What is sent back; Content-Length, Date and Connection are the door's. `body` is None where none is implied."""

    status: int = 200
    body: bytes | None = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


class Held(Protocol):
    """An answer that is still to come."""

    def begin(self, answer: Callable[[Response], None]) -> None:
        """Call `answer` once, later."""

    def finish(self) -> None:
        """Answer now, with what there is."""

    def cancel(self) -> None:
        """Forget it: nobody listens any longer."""


Handler = Callable[[Request], Response | Held]


def json_response(value: Any) -> Response:
    """Return a document that must not be cached."""
    return Response(200, msgspec.json.encode(value), JSON, NO_STORE)


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


def conditional(request: Request, response: Response) -> Response:
    """Return 304 in place of what the client has already (RFC 9110, section 13.1.2)."""
    tag = response.headers.get("ETag")
    asked = request.header("if-none-match")
    if tag is None or not asked or response.status != HTTPStatus.OK:
        return response
    had = {part.strip().removeprefix("W/") for part in asked.split(",")}
    if tag.removeprefix("W/") in had or "*" in had:
        return Response(HTTPStatus.NOT_MODIFIED, None, response.content_type, response.headers)
    return response


def options(methods: str = METHODS) -> Response:
    """Say what may be asked of a path."""
    return Response(HTTPStatus.NO_CONTENT, None, headers={"Allow": methods})


def cross_origin(request: Request, origins: Collection[str]) -> dict[str, str]:
    """Return the headers that let a page of an allowed origin read the answer; exact matches only."""
    if not origins:
        return {}
    origin = request.header("origin")
    if origin not in origins:
        return {"Vary": "Origin"}
    return {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "ETag, Retry-After",
        **_preflight(request),
    }


def _preflight(request: Request) -> dict[str, str]:
    """Return what a browser asks before a page may ask (the Fetch standard's preflight)."""
    if request.method != "OPTIONS" or not request.header("access-control-request-method"):
        return {}
    asked = request.header("access-control-request-headers")
    allowed = {"Access-Control-Allow-Headers": asked} if asked else {}
    return {"Access-Control-Allow-Methods": METHODS, "Access-Control-Max-Age": str(PREFLIGHT_S), **allowed}


def head(response: Response, date: str, *, keep_alive: bool = False, headers: Mapping[str, str] | None = None) -> bytes:
    """Return the status line and headers; `headers` go beside the response's own."""
    bare = response.status in BARE
    lines = [
        f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}",
        f"Date: {date}",
        *([] if bare else [f"Content-Type: {response.content_type}"]),
        *([] if bare or response.body is None else [f"Content-Length: {len(response.body)}"]),
        "X-Content-Type-Options: nosniff",
        *(f"{name}: {value}" for name, value in response.headers.items()),
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
        f"Connection: {'keep-alive' if keep_alive else 'close'}",
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
