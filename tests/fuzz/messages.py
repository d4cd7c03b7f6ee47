"""Messages: any bytes as what a client says, to the dialect and the session, against a model of what may come of it."""

import json
from typing import Any

from ticker import universes
from ticker.config import MarketConfig
from ticker.dialects import native
from ticker.errors import Refusal, Violation
from ticker.session.messages import Ack, AnyClientMessage, Subscribe, Unsubscribe, Window
from ticker.session.server import ServerSession
from ticker.session.terms import Standing, Terms

PART = b"\n---\n"
TERMS = Terms(
    universes.load(MarketConfig(model="plain", instruments=4)), 10, window_max=8, rate_hz=10.0, rate_max_hz=100.0
)
STANDING = Standing("epoch", 5, 100, 50)
ANSWER_BYTES_MAX = 8192  # however long what was said: an answer repeats the first words of it
OPS = {"subscribe", "unsubscribe", "list", "window", "ack", "ping"}


def check(data: bytes) -> None:
    """Have a session hear messages."""
    session = ServerSession(TERMS, 50)
    for said in data.split(PART):
        message = _parsed(said)
        if message is not None:
            _obey(session, message)


def _parsed(said: bytes) -> AnyClientMessage | None:
    """Parse, and hold what comes of it against another reader of JSON."""
    try:
        message = native.parse(said)
    except Refusal as refusal:
        answer = json.loads(native.refusal(refusal, None))
        assert answer["code"] in ("bad_json", "bad_request", "unknown_op")
        assert len(native.refusal(refusal, None)) < ANSWER_BYTES_MAX
        document = _document(said)
        if refusal.code != "bad_json":
            assert document is not Ellipsis, "what is not JSON was read"
        if refusal.code == "unknown_op":
            assert document["op"] not in OPS
        return None
    except Violation as violation:
        assert violation.close == 1007
        assert said.decode(errors="replace").encode() != said
        return None
    document = _document(said)
    assert isinstance(document, dict)
    assert document["op"] == type(message).__struct_config__.tag
    assert native.parse(native.command(message)) == message
    return message


def _document(said: bytes) -> Any:
    """Return what Python's reader makes of it, Ellipsis where it is nothing."""
    try:
        return json.loads(said.decode())
    except (ValueError, RecursionError):
        return ...


def _obey(session: ServerSession, message: AnyClientMessage) -> None:
    """Obey a message, and check what has changed."""
    before = _state(session)
    try:
        outcome = session.receive(message, STANDING, 0)
    except Refusal as refusal:
        assert _state(session) == before, "a refusal changes nothing"
        assert len(native.refusal(refusal, message)) < ANSWER_BYTES_MAX
        return
    for answer in outcome.answers:
        spelled = native.reply(answer)
        assert len(spelled) < ANSWER_BYTES_MAX + len(native.command(message))
        json.loads(spelled)
    interest = before[0]
    if isinstance(message, Subscribe):
        assert session.interest & interest == interest
    elif isinstance(message, Unsubscribe):
        assert session.interest & interest == session.interest
    else:
        assert session.interest == interest
    assert session.window == (min(message.size, 8) if isinstance(message, Window) else before[1])
    assert session.acked == (max(before[2], message.seq) if isinstance(message, Ack) else before[2]) <= 50
    assert session.rate_hz is None or 0 < session.rate_hz <= 100


def _state(session: ServerSession) -> tuple[Any, ...]:
    return session.interest, session.window, session.acked, session.on_lag, session.rate_hz
