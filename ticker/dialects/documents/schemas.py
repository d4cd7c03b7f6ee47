"""JSON Schemas of our types, and their examples, in the shape that both kinds of document take.

Both documents keep them under `#/components/schemas`. What msgspec would say and one of the two would misread is said
otherwise: pairs are arrays of two (draft 7, which AsyncAPI speaks, knows no `prefixItems`), sentences have no indents.
"""

from collections.abc import Iterable
from inspect import cleandoc
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from ticker.errors import HTTP_STATUS
from ticker.session.messages import ClientMessage, Details, Error

OURS = "ticker.session."
"""Where all types are that the documents describe."""
TEMPLATE = "#/components/schemas/{name}"

CODES = {
    "bad_json": "the message is not JSON",
    "bad_request": "a field or parameter is missing, unknown or wrong; `field` names it",
    "unknown_op": "no such op; `known` lists them",
    "unknown_channel": "no such channel; `known` lists them",
    "unknown_symbol": "no such instrument; `symbols` names them; over a WebSocket the known ones are still obeyed",
    "too_many_symbols": "more symbols in one request than `limit`; `*` counts as one",
    "not_subscribed": "none of these is subscribed; `subscriptions` shows what is",
    "bad_ack": "the position was never sent; `last` was",
    "bad_position": "no position, one of another tape, or one in the future",
    "gone": "the position is no longer kept; `oldest` is",
    "unauthorized": "say who you are: there was no token, or one that is not good",
    "forbidden": "you may not: `symbols` and `channels` name what; over a WebSocket the rest is still obeyed",
    "rate_limited": "too much at once: come back after `retry_after_s`",
    "too_large": "more bytes than are taken",
    "unavailable": "the server is full or going away: come back later",
    "not_found": "nothing at this path",
    "method_not_allowed": "`known` are",
    "timeout": "the request did not come in time",
    "unsupported_media_type": "a body is `application/json`",
    "uri_too_long": "path and query are too long",
    "misdirected": "the Host named is none of ours",
    "upgrade_required": "the path is a WebSocket",
    "expectation_failed": "nothing but 100-continue can be expected",
    "head_too_large": "too many headers, or too long ones",
    "internal": "a fault of the server's",
    "version_not_supported": "HTTP/1.1 and HTTP/1.0 are spoken",
}
"""What the codes of `errors.HTTP_STATUS` mean."""

CONVERSATION = list(HTTP_STATUS)[: list(HTTP_STATUS).index("too_large")]
"""The codes that a message may be answered with; the others are spelled over HTTP only."""


def schemas(kinds: Iterable[type[Struct]]) -> dict[str, Any]:
    """Return the schemas of types and of all that they are made of, by name."""
    wanted = set(kinds)
    _, found = msgspec.json.schema_components(wanted | {Details} if Error in wanted else wanted, ref_template=TEMPLATE)
    for kind in _families(Struct):
        # Others, such as a venue's, may have types of the same names.
        if kind.__module__.startswith(OURS) and kind.__name__ in found and not issubclass(kind, ClientMessage):
            _require(found[kind.__name__], kind)
    if Error in wanted:
        found["Error"]["properties"]["details"] = reference("Details")
    return {name: _plain(schema) for name, schema in sorted(found.items())}


def reference(name: str) -> dict[str, str]:
    """Return a reference to a schema."""
    return {"$ref": TEMPLATE.format(name=name)}


def sentences(kind: type) -> str:
    """Return what a type says of itself, a paragraph a line."""
    paragraphs = cleandoc(kind.__doc__ or "").split("\n\n")
    return "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)


def table(heads: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    """Return a table in Markdown."""
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def _families(kind: type[Struct]) -> Iterable[type[Struct]]:
    for child in kind.__subclasses__():
        yield child
        yield from _families(child)


def _require(schema: dict[str, Any], kind: type[Struct]) -> None:
    """Say that a field with a default is always there: what we say is said in full."""
    optional = {field.encode_name for field in msgspec.structs.fields(kind) if field.default is UNSET}
    schema["required"] = [name for name in schema["properties"] if name not in optional]
    if not schema["required"]:
        del schema["required"]


def _plain(schema: Any) -> Any:
    """Return a schema as both drafts read it."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _plain(value) for key, value in schema.items()}
    if isinstance(schema.get("description"), str):
        paragraphs = cleandoc(schema["description"]).split("\n\n")
        plain["description"] = "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)
    if isinstance(items := plain.pop("prefixItems", None), list):
        plain["items"] = items[0]
    return plain
