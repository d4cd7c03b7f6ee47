"""What is refused, in the venue's words."""

AUTH_S = 10.0
"""So long a client has to say who it is."""
ERRORS = {
    400: "invalid syntax",
    401: "not authenticated",
    402: "auth failed",
    403: "already authenticated",
    404: "auth timeout",
    405: "symbol limit exceeded",
    406: "connection limit exceeded",
    407: "slow client",
    408: "v2 not enabled",
    409: "insufficient subscription",
    410: "invalid subscribe action for this feed",
    500: "internal error",
}
POLICY, FAULT = 1008, 1011
"""Codes to close with."""


def error(code: int) -> dict[str, str | int]:
    """Return the message that refuses."""
    return {"T": "error", "code": code, "msg": ERRORS[code]}


def success(what: str) -> dict[str, str]:
    """Return the message that something went well."""
    return {"T": "success", "msg": what}
