"""All that is answered over HTTP as a document (OpenAPI 3.1.1, https://spec.openapis.org/oas/v3.1.1.html)."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from msgspec import Struct
from msgspec.structs import fields

from ticker import __version__
from ticker.dialects.documents.examples import example
from ticker.dialects.documents.routes import ADMIN, ADMIN_GETS, ADMIN_POSTS, ADMIN_TAG, BYTES, JSON, ROUTES, TAGS, Route
from ticker.dialects.documents.schemas import CODES, reference, schemas, table
from ticker.errors import HTTP_STATUS
from ticker.session import messages as say
from ticker.session.requests import NoQuery, Problem

EVENTS: tuple[type[Struct], ...] = (say.Ticks, say.Snapshot, say.Lag, say.Recovered)
WITH_POSITION = (say.Ticks, say.Snapshot)

ABOUT = """\
The same ticks as over the WebSocket (see `/asyncapi.json`), for those who would rather ask: short polls, long polls,
server-sent events, snapshots and bars. A position `epoch:seq` from any of them goes on in any other.

HEAD and OPTIONS are answered wherever GET is. Unknown parameters are refused, not ignored. Answers with an `ETag` may
be kept and asked for again with `If-None-Match`. A refusal is `application/problem+json` with a `code` for programs.
"""

TOKEN, QUERY = "token", "query"
ASKED_TAGS = ("ticks", "instruments")
ASKED_TOO = ("/metrics", "/hello")
HEADERS = {
    "WWW-Authenticate": ("How to say who you are.", "Bearer"),
    "ETag": ("Equal for equal content.", '"0f343b0931126a20"'),
    "Retry-After": ("Seconds to wait before trying again.", "1"),
    "Upgrade": ("What is spoken here.", "websocket"),
}
ADVICE = {401: ["WWW-Authenticate"], 503: ["Retry-After"], 429: ["Retry-After"], 426: ["Upgrade"]}


def document(*, admin: bool = False, token: bool = False, asks: bool = False) -> dict[str, Any]:
    """Return the document, with the admin API where it is on; the server is whoever gave it.

    `token` says that the admin API wants its own, `asks` that everybody is asked for one.
    """
    gets = {**ROUTES, **(ADMIN_GETS if admin else {})}
    posts = ADMIN_POSTS if admin else {}
    tags = {**TAGS, **(ADMIN_TAG if admin else {})}
    paths: dict[str, Any] = {}
    for method, routes in (("get", gets), ("post", posts)):
        for path, route in routes.items():
            guards = _guards(path, route, token=token, asks=asks)
            paths.setdefault(path, {})[method] = _operation(route, guards)
    schemes = _schemes(header=asks or (admin and token), query=asks)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Ticker over HTTP",
            "version": __version__,
            "description": f"{ABOUT}\n## Errors\n\n{_errors()}",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "The server that gave you this."}],
        "security": [],
        "tags": [{"name": name, "description": meaning} for name, meaning in tags.items()],
        "paths": paths,
        "components": {
            "schemas": _schemas([*gets.values(), *posts.values()], (*EVENTS, *([say.Closing] if asks else []))),
            "headers": {name: _header(*about) for name, about in HEADERS.items()},
            "responses": {"Problem": _refusals(list(HTTP_STATUS), "Any other refusal.")},
            **({"securitySchemes": schemes} if schemes else {}),
        },
    }


def _schemes(*, header: bool, query: bool) -> dict[str, Any]:
    named = {"type": "apiKey", "in": "query", "name": "token", "description": "For a browser's EventSource."}
    return {**({TOKEN: {"type": "http", "scheme": "bearer"}} if header else {}), **({QUERY: named} if query else {})}


def _guards(path: str, route: Route, *, token: bool, asks: bool) -> list[dict[str, list[str]]]:
    """Return the ways of saying who one is, one of which is needed."""
    if route.tag == ADMIN:
        return [{TOKEN: []}] if token else []
    if not asks or not (route.tag in ASKED_TAGS or path in ASKED_TOO):
        return []
    both: list[dict[str, list[str]]] = [{TOKEN: []}, {QUERY: []}]
    return [*both, {}] if path in ("/metrics", "/v1/stream") else both  # this machine need not; or it says so later


def _schemas(routes: list[Route], events: tuple[type[Struct], ...]) -> dict[str, Any]:
    answers = [answer for route in routes for answer in route.answers.values() if answer]
    bodies = [route.body for route in routes if route.body]
    found = schemas([*answers, *bodies, *events, Problem])
    return {**found, "Event": {"oneOf": [_event(kind) for kind in events]}}


def _errors() -> str:
    return table(
        ("code", "status", "meaning"), [(f"`{code}`", HTTP_STATUS[code], sentence) for code, sentence in CODES.items()]
    )


def _operation(route: Route, guards: list[dict[str, list[str]]]) -> dict[str, Any]:
    responses = {} if route.upgrades else {"200": _answer(route)}
    if route.upgrades:
        responses["101"] = {"description": "The WebSocket is open: see `/asyncapi.json`."}
    if route.kept:
        responses["304"] = {"description": "What you have still holds.", "headers": _named(["ETag"])}
    guarding = ["unauthorized"] if guards else []
    if guards and "unknown_symbol" in route.codes and "forbidden" not in route.codes:
        guarding.append("forbidden")
    for status, codes in _by_status((*route.codes, *guarding)).items():
        responses[str(status)] = _refusals(codes, "")
    responses["default"] = {"$ref": "#/components/responses/Problem"}
    parameters = [*route.path_parameters(), *_query(route.query), *_headers(route)]
    return {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": route.summary,
        **({"description": route.more} if route.more else {}),
        **({"parameters": parameters} if parameters else {}),
        **({"requestBody": _body(route.body)} if route.body else {}),
        **({"security": guards} if guards else {}),
        "responses": responses,
    }


def _body(kind: type[Struct]) -> dict[str, Any]:
    needed = any(field.required for field in fields(kind))
    content = {JSON: {"schema": reference(kind.__name__), "examples": {"body": {"value": example(kind)}}}}
    return {"required": needed, "content": content}


def _answer(route: Route) -> dict[str, Any]:
    content = {media: _content(media, kind) for media, kind in route.answers.items()}
    shown = _named(["ETag"]) if route.kept else {}
    return {"description": route.answer, **({"headers": shown} if shown else {}), "content": content}


def _content(media: str, kind: type[Struct] | None) -> dict[str, Any]:
    if kind is not None:
        return {"schema": reference(kind.__name__), "examples": {"answer": {"value": example(kind)}}}
    if media == "text/event-stream":
        # OpenAPI 3.1 has no word for streams: as later versions do, it is shown as the list of its events.
        return {"schema": {"type": "array", "items": reference("Event"), "description": "The events, one by one."}}
    if media == BYTES:
        return {"schema": {}}
    return {"schema": {"type": "object" if media == JSON else "string"}}


def _event(kind: type[Struct]) -> dict[str, Any]:
    name = str(kind.__struct_config__.tag)
    place = {"id": {"type": "string", "description": "a position: what a browser sends back as Last-Event-ID"}}
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": reference(kind.__name__)}
    return {
        "type": "object",
        "title": name,
        "properties": {"event": {"const": name}, **(place if kind in WITH_POSITION else {}), "data": data},
        "required": ["event", *(["id"] if kind in WITH_POSITION else []), "data"],
    }


def _query(kind: type[Struct]) -> list[dict[str, Any]]:
    if kind is NoQuery:
        return []
    schema = schemas([kind])[kind.__name__]
    needed = schema.get("required", ())
    return [
        {
            "name": name,
            "in": "query",
            "required": name in needed and "default" not in about,
            "description": about.get("description", ""),
            "schema": {key: value for key, value in about.items() if key != "description"},
        }
        for name, about in schema["properties"].items()
    ]


def _headers(route: Route) -> list[dict[str, Any]]:
    wanted = {**({"If-None-Match": "The ETag of what you have."} if route.kept else {}), **route.headers}
    return [
        {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in wanted.items()
    ]


def _by_status(codes: Iterable[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for code in codes:
        found.setdefault(HTTP_STATUS[code], []).append(code)
    return dict(sorted(found.items()))


def _refusals(codes: list[str], opening: str) -> dict[str, Any]:
    statuses = {HTTP_STATUS[code] for code in codes}
    names = [name for status in sorted(statuses) for name in ADVICE.get(status, ())]
    spelled = "; ".join(f"`{code}`: {CODES[code]}" for code in codes)
    schema = {**reference("Problem"), "properties": {"code": {"enum": codes}}}
    return {
        "description": opening or spelled,
        **({"headers": _named(names)} if names else {}),
        "content": {"application/problem+json": {"schema": schema, **({} if opening else _problems(codes))}},
    }


def _problems(codes: list[str]) -> Mapping[str, Any]:
    return {"examples": {code: {"value": _problem(code)} for code in codes}}


def _problem(code: str) -> dict[str, Any]:
    status = HTTP_STATUS[code]
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": CODES[code],
    }


def _named(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _header(text: str, shown: str) -> dict[str, Any]:
    return {"description": text, "schema": {"type": "string"}, "example": shown}
