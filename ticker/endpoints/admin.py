"""The admin API: who may, what a body must be, and a line in the log for every call that acts or is turned away.

Whoever watches asks for the state once a second: an answer changes nothing, so that nothing is written down. What is
turned away before it comes here, or before it is understood, is written down too, without what it said.

Without a token it is for this machine alone, and for programs alone: a page of another origin, a proxy, or a name that
somebody has pointed at us (DNS rebinding) is turned away. With a token everybody has to send it.
"""

import asyncio
import hmac
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from ticker.config import is_loopback
from ticker.dialects import native
from ticker.endpoints.callers import FORWARDED, is_ours
from ticker.endpoints.house import House
from ticker.endpoints.http import JSON, NO_STORE, Handler, Held, Request, Response, json_response, problem
from ticker.errors import Refusal, fault
from ticker.session.controls import (
    Controls,
    IncidentWish,
    NoWish,
    RunWish,
    SpeedWish,
    StepWish,
    Wish,
)
from ticker.session.requests import NoQuery

BYTES = "application/octet-stream"
LOGGED_CHARACTERS = 512
WITHHELD = "(withheld)"
NOT_UNDERSTOOD = {"unauthorized", "forbidden", "unsupported_media_type", "bad_json"}
"""What such a body says may be a secret in the wrong place, and is nobody's order."""
ORDERS = {name for kind in (IncidentWish, RunWish, SpeedWish, StepWish) for name in kind.__struct_fields__}
"""What a body may be wrong in and still be understood."""

AnyWish = TypeVar("AnyWish", bound=Wish)
Act = Callable[[Request], Response | Held]


class Admin:
    """Handlers over one house and what controls its market."""

    def __init__(self, house: House, control: Controls) -> None:
        self._house = house
        self._control = control
        self._paths: set[str] = set()

    def handlers(self) -> dict[str, Handler]:
        """Return what answers GET, by path."""
        control = self._control
        acts: dict[str, Act] = {
            "state": lambda _: json_response(control.state()),
            "incidents": lambda _: json_response(control.scenario()),
        }
        return {self._path(name): self._guarded(act, acts=False) for name, act in acts.items()}

    def posts(self) -> dict[str, Handler]:
        """Return what answers POST, by path."""
        control = self._control
        acts: dict[str, Act] = {
            "pause": _obeying(NoWish, lambda _: control.pause()),
            "resume": _obeying(NoWish, lambda _: control.resume()),
            "speed": _obeying(SpeedWish, control.speed),
            "step": lambda request: Stepping(control, read(request, StepWish).steps),
            "run": _obeying(RunWish, lambda wish: control.run(wish.until)),
            "incidents": _obeying(IncidentWish, control.cause),
            "checkpoint": self._checkpoint,
        }
        return {self._path(name): self._guarded(act) for name, act in acts.items()}

    def _path(self, name: str) -> str:
        self._paths.add(path := f"/admin/{name}")
        return path

    def _guarded(self, act: Act, *, acts: bool = True) -> Handler:
        """Let only those in who may, and log what came of it where it acts, or who was refused."""

        def handler(request: Request) -> Response | Held:
            try:
                self._admit(request)
                request.read(NoQuery)
                answer = act(request)
            except Refusal as refusal:
                field = refusal.details.get("field", "").partition("[")[0]
                self._audit(request, refusal.code, understood=not field or field in ORDERS)
                raise
            if acts:
                self._audit(request, "accepted")
            return answer

        return handler

    def overhear(self, request: Request, result: str) -> None:
        """Log a call that was turned away before it came here, or while it did."""
        if request.path in self._paths and not request.audited:
            self._audit(request, result, understood=False)

    def _audit(self, request: Request, result: str, *, understood: bool = True) -> None:
        request.audited = True
        said = request.body[:LOGGED_CHARACTERS].decode("utf-8", "replace").encode("unicode_escape").decode()
        if not understood or result in NOT_UNDERSTOOD or b"token" in request.body:
            said = WITHHELD if said else ""
        self._house.log.info(
            "admin", call=f"{request.method} {request.path}", said=said, peer=request.peer, result=result
        )

    def _admit(self, request: Request) -> None:
        """Raise Refusal (unauthorized, forbidden) unless whoever asks may."""
        token = self._house.config.admin.token
        if token and not _knows(request, token):
            raise Refusal("unauthorized", "say who you are: Authorization: Bearer TOKEN, the one of admin.token")
        if _foreign(request):
            raise Refusal("forbidden", "web pages of another origin may not")
        if token:
            return
        if not is_loopback(request.peer.removeprefix("::ffff:")) or any(request.header(name) for name in FORWARDED):
            raise Refusal("forbidden", "only this machine may, unless admin.token is set")
        name = urlsplit(f"//{request.header('host')}").hostname or ""
        if not (is_loopback(name) or name == self._house.config.server.host.lower()):
            raise Refusal("forbidden", f"{name[:64]!r} is not a name of this machine")

    def _checkpoint(self, request: Request) -> Held:
        read(request, NoWish)
        position = self._house.feed.position
        return Packing(self._house, self._control.whole(), f"{position.epoch}-{position.seq}.checkpoint")


class Stepping:
    """An answer that is held until steps have been taken; who hangs up gives up those that were not."""

    def __init__(self, control: Controls, steps: int) -> None:
        """Begin. Raises Refusal where steps cannot be taken."""
        self._control = control
        self._answer: Callable[[Response], None] | None = None
        self._give_up = control.step(steps, self.finish)

    def begin(self, answer: Callable[[Response], None]) -> None:
        self._answer = answer

    def finish(self) -> None:
        """Answer with where the market is now."""
        answer, self._answer = self._answer, None
        if answer is not None:
            self._give_up()
            answer(json_response(self._control.state()))

    def cancel(self) -> None:
        if self._answer is not None:
            self._answer = None
            self._give_up()


class Packing:
    """An answer that is held until a checkpoint is bytes: with all its bars that takes a while, beside the ticks."""

    def __init__(self, house: House, data: Callable[[], bytes], name: str) -> None:
        self._house = house
        self._name = name
        self._answer: Callable[[Response], None] | None = None
        self._packed = house.loop.run_in_executor(None, data)

    def begin(self, answer: Callable[[Response], None]) -> None:
        self._answer = answer
        self._packed.add_done_callback(lambda _: self.finish())

    def finish(self) -> None:
        """Answer with what was packed; where the server is in a hurry, that there is none."""
        answer, self._answer = self._answer, None
        if answer is not None:
            answer(self._file() if self._packed.done() else problem(Refusal("unavailable", "the server is stopping")))

    def cancel(self) -> None:
        self._answer = None

    def _file(self) -> Response:
        if error := self._packed.exception():
            self._house.faults.note("a checkpoint could not be packed", error)
            return problem(fault())
        name = {"Content-Disposition": f'attachment; filename="{self._name}"'}
        return Response(HTTPStatus.OK, self._packed.result(), BYTES, {**NO_STORE, **name})


def read(request: Request, kind: type[AnyWish]) -> AnyWish:
    """Return the body of a request. Raises Refusal for one that is not JSON, or not what is asked for here."""
    if request.body and request.header("content-type").partition(";")[0].strip().lower() != JSON:
        raise Refusal("unsupported_media_type", f"a body is {JSON}: say so in Content-Type")
    try:
        return msgspec.json.decode(request.body or b"{}", type=kind)
    except msgspec.ValidationError as error:
        name, sentence = native.field_of(str(error))
        raise Refusal("bad_request", f"{name}: {sentence}", field=name) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refusal("bad_json", "the body is not JSON") from None


class Awaited:
    """An answer that is held until what was asked for has come about, or failed."""

    def __init__(self, coming: "asyncio.Future[Any]") -> None:
        self._coming = coming
        self._answer: Callable[[Response], None] | None = None
        coming.add_done_callback(lambda _: self.finish())

    def begin(self, answer: Callable[[Response], None]) -> None:
        self._answer = answer
        if self._coming.done():
            self.finish()

    def finish(self) -> None:
        """Answer with what came of it; that it may still come, where it has not."""
        answer, self._answer = self._answer, None
        error = self._coming.exception() if self._coming.done() else None  # looked at: nobody else does
        if answer is None:
            return
        if not self._coming.done():
            answer(problem(Refusal("unavailable", "it has not come about yet: see what the market shows")))
        elif error is None:
            answer(json_response(self._coming.result()))
        else:
            answer(problem(error if isinstance(error, Refusal) else fault()))

    def cancel(self) -> None:
        self._answer = None


def _obeying(kind: type[AnyWish], act: Callable[[AnyWish], Any]) -> Act:
    def obey(request: Request) -> Response | Held:
        done = act(read(request, kind))
        return Awaited(done) if isinstance(done, asyncio.Future) else json_response(done)

    return obey


def _knows(request: Request, token: str) -> bool:
    """Compare what was sent with the token, in a time that says nothing of where they differ."""
    scheme, _, sent = request.header("authorization").partition(" ")
    return hmac.compare_digest(sent.strip().encode("latin-1"), token.encode()) and scheme.lower() == "bearer"


def _foreign(request: Request) -> bool:
    """Tell whether a browser sends this on behalf of a page that is not ours."""
    site = request.header("sec-fetch-site")
    return (bool(request.header("origin")) and not is_ours(request)) or site in ("cross-site", "same-site")
