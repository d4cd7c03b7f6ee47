"""What a server that says no over HTTP means by it: problem+json (RFC 9457) into the exceptions of the client."""

from collections.abc import Callable
from typing import Any

import msgspec

from ticker.dialects import native
from ticker.session.messages import Error
from ticker_client.connection import Answer
from ticker_client.errors import ConnectionEnded, Refused, close_code

_read: Callable[[bytes], dict[str, Any]] = native.reader(dict[str, Any])
_GENERAL = ("type", "title", "status", "instance", "code", "detail")


def refusal(answer: Answer) -> Refused | None:
    """Return the refusal of one request, as the WebSocket would spell it; None where the answer is no such thing."""
    try:
        document = _read(answer.body)
        code, detail = str(document["code"]), str(document.get("detail", ""))
    except (msgspec.DecodeError, KeyError):
        return None
    details = {name: value for name, value in document.items() if name not in _GENERAL}
    return Refused(Error(code=code, message=detail, details=details))


def ended(answer: Answer, url: str) -> ConnectionEnded:
    """Return how an answer that is no success ends the connection: for good, unless the server is only busy."""
    status = answer.status
    refused = refusal(answer)
    sentence = f"{url} answered HTTP {status}" + (f": {refused}" if refused else ", like no ticker server")
    return ConnectionEnded(sentence, close_code(status), answer.after_s)
