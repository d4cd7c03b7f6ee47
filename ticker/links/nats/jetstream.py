"""Streams, messages and consumers, by JetStream's own requests: what comes back is JetStream's JSON.

The library has its own ways with all of these; they hide the codes of errors and the numbers of messages, on which
everything here depends.
"""

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from nats.aio.msg import Msg

from ticker.errors import SetupError
from ticker.links.nats.connection import NO_RESPONDERS, STATUS, Connection, Trouble

API = "$JS.API"
NO_MESSAGE, NO_STREAM, NO_CONSUMER = 10037, 10059, 10014
WRONG_LAST = (10070, 10071, 10164)
STREAM_EXISTS, SUBJECTS_TAKEN = 10058, 10065
DISABLED = (10039, 10076)
NO_STORAGE = (10023, 10028, 10047, 10077)
EXPECTED_LAST = "Nats-Expected-Last-Sequence"
EXPECTED_LAST_OF_SUBJECT = "Nats-Expected-Last-Subject-Sequence"
EXPECTED_LAST_ID = "Nats-Expected-Last-Msg-Id"
MESSAGE_ID = "Nats-Msg-Id"


class Refused(Trouble):
    """JetStream says no, by a code."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"JetStream refuses: {description}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Stored:
    """A message of a stream."""

    seq: int
    subject: str
    headers: dict[str, str]
    data: bytes


@dataclass(frozen=True, slots=True)
class StreamState:
    """A stream: `first` and `last` number its messages, `created` tells it from another of its name."""

    config: dict[str, Any]
    created: str
    first: int
    last: int
    messages: int
    last_time: str

    def ago(self, seconds: float) -> str:
        """Return the time so many seconds before the newest message, by the stream's own clock."""
        text = self.last_time.rstrip("Z").partition(".")[0]
        try:
            return (datetime.fromisoformat(text) - timedelta(seconds=seconds)).isoformat() + "Z"
        except (ValueError, OverflowError):
            return "1970-01-01T00:00:00Z"


class JetStream:
    """Requests over one connection. All of them raise Trouble; Refused, which is one, where the code matters."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def payload_bytes_max(self) -> int:
        """The largest message that there can be."""
        return self._connection.payload_bytes_max

    async def check(self) -> None:
        """Raise SetupError where there is no JetStream for us."""
        try:
            await self._ask("INFO")
        except Refused as error:
            if error.code in DISABLED:
                raise SetupError(
                    f"NATS at {self._connection.address.shown} has JetStream disabled: start nats-server with -js"
                ) from None
            raise

    async def state(self, stream: str) -> StreamState | None:
        """Return how a stream is, None where there is none."""
        try:
            said = await self._ask(f"STREAM.INFO.{stream}")
        except Refused as error:
            if error.code == NO_STREAM:
                return None
            raise
        return _state(said)

    async def create(self, config: dict[str, Any]) -> StreamState:
        """Make a stream, or find one that is the same already. Raises SetupError where there cannot be one."""
        stream = config["name"]
        try:
            return _state(await self._ask(f"STREAM.CREATE.{stream}", config))
        except Refused as error:
            if error.code == SUBJECTS_TAKEN:
                raise SetupError(
                    f"another stream of NATS takes {', '.join(config['subjects'])} already: see nats.tape"
                ) from None
            if error.code in NO_STORAGE:
                raise SetupError(
                    f"JetStream has no room for {config['max_bytes']} bytes: see nats.max_bytes, nats.storage"
                ) from None
            raise

    async def update(self, config: dict[str, Any]) -> None:
        """Give a stream other limits."""
        await self._ask(f"STREAM.UPDATE.{config['name']}", config)

    async def purge(self, stream: str) -> None:
        """Throw away all messages of a stream; their numbers go on."""
        await self._ask(f"STREAM.PURGE.{stream}")

    async def last(self, stream: str, subject: str) -> Stored | None:
        """Return the newest message to a subject, None where there is none."""
        return await self._message(stream, {"last_by_subj": subject})

    async def message(self, stream: str, seq: int) -> Stored | None:
        """Return a message by its number."""
        return await self._message(stream, {"seq": seq})

    async def following(self, stream: str, subject: str, seq: int) -> Stored | None:
        """Return the first message to a subject from a number on, None where there is none."""
        return await self._message(stream, {"seq": seq, "next_by_subj": subject})

    async def put(self, subject: str, data: bytes, headers: dict[str, str] | None = None) -> int:
        """Publish, and wait until it is kept; return its number."""
        return acknowledged(await self._connection.ask(subject, data, headers))[0]

    async def consume(self, stream: str, config: dict[str, Any]) -> str:
        """Make a consumer; return its name."""
        said = await self._ask(f"CONSUMER.CREATE.{stream}", {"stream_name": stream, "config": config})
        return str(said["name"])

    async def forget(self, stream: str, consumer: str) -> None:
        """End a consumer; it may be gone already."""
        try:
            await self._ask(f"CONSUMER.DELETE.{stream}.{consumer}")
        except Refused:
            return

    async def _message(self, stream: str, request: dict[str, Any]) -> Stored | None:
        try:
            said = (await self._ask(f"STREAM.MSG.GET.{stream}", request))["message"]
        except Refused as error:
            if error.code in (NO_MESSAGE, NO_STREAM):
                return None
            raise
        headers = _headers(base64.b64decode(said.get("hdrs") or ""))
        return Stored(said["seq"], said["subject"], headers, base64.b64decode(said.get("data") or ""))

    async def _ask(self, what: str, request: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = await self._connection.ask(f"{API}.{what}", orjson.dumps(request) if request else b"")
        return _read(answer)


def acknowledged(answer: Msg | None) -> tuple[int, bool]:
    """Return under which number a message is kept, and whether it was there already. Raises Trouble."""
    said = _read(answer)
    try:
        return int(said["seq"]), bool(said.get("duplicate"))
    except (KeyError, TypeError, ValueError):
        raise Trouble("JetStream answered what is no acknowledgement") from None


def _read(answer: Msg | None) -> dict[str, Any]:
    """Return what JetStream says. Raises Trouble, Refused where it says no or is not there."""
    if answer is None or (answer.headers or {}).get(STATUS) == NO_RESPONDERS:
        raise Refused(DISABLED[0], "nobody answers for it")
    try:
        said = orjson.loads(answer.data)
        error = said.get("error")
    except (orjson.JSONDecodeError, AttributeError):
        raise Trouble("JetStream answered what is no JSON") from None
    if error:
        raise Refused(int(error.get("err_code", 0)), str(error.get("description", "no reason given")))
    return dict(said)


def _state(said: dict[str, Any]) -> StreamState:
    state = said["state"]
    return StreamState(
        said["config"], said["created"], state["first_seq"], state["last_seq"], state["messages"], state["last_ts"]
    )


def _headers(raw: bytes) -> dict[str, str]:
    """Read the headers of a stored message."""
    lines = raw.decode("utf-8", "replace").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}
