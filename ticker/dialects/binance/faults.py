"""What is wrong with a request over HTTP, in the venue's words: Binance Spot API, "Error codes".

Every answer that is an error is one of these: a code, a sentence and an HTTP status. The sentences are the venue's own,
to the letter, since clients look for them.
"""

from collections.abc import Mapping

import orjson

LEGAL_NUMBER = "^[0-9]{1,20}$"
LEGAL_SYMBOL = r"^[\w\-._&&[^a-z]]{1,50}$"
LEGAL_SYMBOLS = r'^\[("[\w\-._&&[^a-z]]{1,50}"(,"[\w\-._&&[^a-z]]{1,50}"){0,}){0,1}\]$'
LEGAL_PERMISSIONS = '^[A-Z0-9_]{1,20}$|^\\[("[A-Z0-9_]{1,20}"(,"[A-Z0-9_]{1,20}"){0,}){0,1}\\]$'
"""How the venue spells what a parameter may look like. Java's: `&&[^a-z]` takes the lower case out."""

BAD_REQUEST, NOT_FOUND, METHOD_NOT_ALLOWED, BANNED, TOO_MANY_REQUESTS = 400, 404, 405, 418, 429
_ECHO_CHARACTERS = 128  # of a path that an answer repeats: the client chose it


class Fault(Exception):
    """A request is answered with an error."""

    def __init__(
        self, code: int, msg: str, status: int = BAD_REQUEST, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(msg)
        self.code = code
        self.msg = msg
        self.status = status
        self.headers = headers or {}

    def body(self) -> bytes:
        """Return the answer."""
        return orjson.dumps({"code": self.code, "msg": self.msg})


def illegal(name: str, legal: str) -> Fault:
    return Fault(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def illegal_somewhere() -> Fault:
    """Say that something is no percent-encoded UTF-8: nobody can tell what it was meant to be."""
    return Fault(-1100, "Illegal characters found in a parameter.")


def too_many(expected: int, received: int) -> Fault:
    return Fault(-1101, f"Too many parameters; expected '{expected}' and received '{received}'.")


def duplicate() -> Fault:
    return Fault(-1101, "Duplicate values for a parameter detected.")


def mandatory(name: str) -> Fault:
    return Fault(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def either(one: str, other: str) -> Fault:
    return Fault(-1102, f"Param '{one}' or '{other}' must be sent, but both were empty/null!")


def unread(read: int, sent: int) -> Fault:
    return Fault(-1104, f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'.")


def empty(name: str) -> Fault:
    return Fault(-1105, f"Parameter '{name}' was empty.")


def overflow(name: str) -> Fault:
    return Fault(-1108, f"Parameter '{name}' overflowed.")


def bad_interval() -> Fault:
    return Fault(-1120, "Invalid interval.")


def bad_symbol() -> Fault:
    return Fault(-1121, "Invalid symbol.")


def bad_status() -> Fault:
    return Fault(-1122, "Invalid symbolStatus.")


def bad_combination() -> Fault:
    return Fault(-1128, "Combination of optional parameters invalid.")


def invalid(name: str) -> Fault:
    return Fault(-1130, f"Data sent for parameter '{name}' is not valid.")


def bad_ticker_type() -> Fault:
    return Fault(-1139, "Invalid ticker type.")


def duplicate_symbol() -> Fault:
    return Fault(-1151, "Symbol is present multiple times in the list.")


def bad_unit() -> Fault:
    return Fault(-1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.")


def other_status() -> Fault:
    return Fault(-1220, "The symbol's status does not match the requested symbolStatus.")


def used_up(limit: int, retry_s: int) -> Fault:
    return Fault(
        -1003,
        f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API.",
        TOO_MANY_REQUESTS,
        {"Retry-After": str(retry_s)},
    )


def too_many_connections(retry_s: int) -> Fault:
    return Fault(-1003, "Too many requests; please wait.", TOO_MANY_REQUESTS, {"Retry-After": str(retry_s)})


def banned(until_ms: int, retry_s: int) -> Fault:
    return Fault(
        -1003,
        f"Way too much request weight used; IP banned until {until_ms}. "
        "Please use WebSocket Streams for live updates to avoid bans.",
        BANNED,
        {"Retry-After": str(retry_s)},
    )


def nothing_there(path: str, method: str) -> Fault:
    """Say that a path is none of ours; what of a client's text cannot be sent is replaced."""
    return Fault(-5000, f"Path {_plain(path)}, Method {_plain(method)} is invalid", NOT_FOUND)


def not_that_way(path: str, method: str) -> Fault:
    sentence = f"Path {_plain(path)}, Method {_plain(method)} is invalid"
    return Fault(-5000, sentence, METHOD_NOT_ALLOWED, {"Allow": "GET"})


def _plain(text: str) -> str:
    return text[:_ECHO_CHARACTERS].encode(errors="replace").decode()
