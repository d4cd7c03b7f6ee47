"""What a request's head must be, beyond what llhttp checks: its target, its host, and how its body is framed.

Everything here that a proxy in front could read otherwise is refused, not guessed at (RFC 9112, section 11.2).
"""

import re
from urllib.parse import unquote

from ticker.errors import Refusal

VERSIONS = ("1.0", "1.1")

_ABSOLUTE = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?!.*\.\.)(?:[\w.~%!$&'()*+,;=-]+|\[[\dA-F:.]+\])(?::\d{0,5})?", re.IGNORECASE | re.ASCII)
_BAD_ESCAPE = re.compile(r"%(?![\dA-F]{2})|%00", re.IGNORECASE | re.ASCII)

Fields = list[tuple[str, str]]


def origin_form(target: str) -> str:
    """Return a target as path and query, without the origin that it may name (RFC 9112, section 3.2.2)."""
    origin = _ABSOLUTE.match(target)
    if origin is None:
        return target
    rest = target[origin.end() :]
    return rest if rest.startswith("/") else "/" + rest


def authority(target: str) -> str:
    """Return the host and port that a target names; nothing where it is a path."""
    origin = _ABSOLUTE.match(target)
    return origin[1] if origin else ""


def check(method: str, target: str, version: str, fields: Fields, body_bytes_max: int) -> bool:
    """Return whether 100-continue is expected. Raises Refusal for a head that is not to be answered otherwise."""
    if version not in VERSIONS:
        raise Refusal("version_not_supported", f"HTTP/{version} is not spoken here: HTTP/1.1 and HTTP/1.0 are")
    _check_target(method, target)
    _check_host(version, _values(fields, "host"))
    _check_framing(version, fields, body_bytes_max)
    expected = _values(fields, "expect")
    if any(value.lower() != "100-continue" for value in expected):
        raise Refusal("expectation_failed", "nothing but 100-continue can be expected")
    return bool(expected) and version == "1.1"


def _values(fields: Fields, name: str) -> list[str]:
    return [value for key, value in fields if key == name]


def _check_target(method: str, target: str) -> None:
    if method == "OPTIONS" and target == "*":
        return
    origin = _ABSOLUTE.match(target)
    if origin is None and not target.startswith("/"):
        raise Refusal("bad_request", "a target is a path that begins with /, or a whole http URL")
    if origin is not None and not _AUTHORITY.fullmatch(origin[1]):
        raise Refusal("bad_request", f"{origin[1][:64]!r} is no host")
    if _BAD_ESCAPE.search(target):
        raise Refusal("bad_request", "a percent sign in a target is followed by two hexadecimal digits, not 00")
    if ".." in unquote(origin_form(target).partition("?")[0]).split("/"):
        raise Refusal("bad_request", "a path does not climb: the client resolves .. (RFC 3986, section 5.2.4)")


def _check_host(version: str, hosts: list[str]) -> None:
    if len(hosts) > 1 or (not hosts and version == "1.1"):
        raise Refusal("bad_request", f"one Host header is needed, not {len(hosts)}")
    if hosts and not _AUTHORITY.fullmatch(hosts[0]):
        raise Refusal("bad_request", f"{hosts[0][:64]!r} is no host")


def _check_framing(version: str, fields: Fields, body_bytes_max: int) -> None:
    codings = [value.lower() for value in _values(fields, "transfer-encoding")]
    if codings and (version == "1.0" or codings != ["chunked"]):
        raise Refusal("bad_request", "no transfer coding is understood but chunked, and that in HTTP/1.1")
    if any(int(length) > body_bytes_max for length in _values(fields, "content-length")):
        raise Refusal("too_large", f"more than {body_bytes_max} bytes of body")
