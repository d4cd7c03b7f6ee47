"""Who asks: finds the token of a request, wherever it was put, and has it looked up.

A token comes as `Authorization: Bearer`, as `token=` in the query, or over a WebSocket as an `auth` message. What is in
the query is taken out of a request before anybody else sees it. Where there is none, a venue's own place is looked into
for one (`look_further`). What is open to everybody says nothing of prices: the pages and their files, the documents,
and whether we are well; to this machine, the metrics too. The admin API has its own guard.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from ticker.endpoints.callers import from_here
from ticker.endpoints.http import Request
from ticker.errors import Close, Refusal
from ticker.session.permits import OPEN, Permit

Further = Callable[[Request], str | None]
"""Finds the token of a request in a place that is not the house's."""
ASKED = "say who you are: Authorization: Bearer TOKEN"


class Keyring(Protocol):
    """What knows tokens."""

    def permit(self, token: str) -> Permit:
        """Return what a token permits. Raises Refusal (unauthorized), which does not show it."""

    def over(self, permit: Permit) -> tuple[Close, str] | None:
        """Return how what was permitted has ended, and why; None while it holds."""


class Gate:
    """Lets requests in; without a keyring, all of them."""

    def __init__(self, keyring: Keyring | None = None, *, query: bool = True, deadline_s: float = 0.0) -> None:
        """`query` says whether a token may stand there; `deadline_s` is how long a WebSocket has to send one."""
        self._keyring = keyring
        self._query = query
        self.deadline_s = deadline_s
        self._open: frozenset[str] = frozenset()
        self._local: frozenset[str] = frozenset()
        self._later: tuple[str, ...] = ()
        self._further: Further = _nowhere

    def leave_open(self, paths: Iterable[str], *, local: Iterable[str] = (), later: Iterable[str] = ()) -> None:
        """Name the paths that anybody may ask for, only this machine, or anybody who says later who it is.

        Of the last, one that ends in `*` stands for all that begin so.
        """
        self._open, self._local, self._later = frozenset(paths), frozenset(local), tuple(later)

    def look_further(self, further: Further) -> None:
        """Name who finds tokens in places that are not the house's."""
        self._further = further

    @property
    def asks(self) -> bool:
        """Whether anybody is asked who they are."""
        return self._keyring is not None

    def admit(self, request: Request) -> Permit | None:
        """Return what whoever asks may have, None where it is to say later who it is. Raises Refusal."""
        if self._keyring is None or request.method == "OPTIONS" or request.path in self._open:
            return OPEN  # a browser asks by OPTIONS whether it may send a token
        token = self._token(request)
        if token is not None:
            return self._keyring.permit(token)
        if request.path in self._local and from_here(request):
            return OPEN
        later = any(_covers(path, request.path) for path in self._later)
        token = self._further(request)
        if token is not None:
            return self._permit(token, later=later)
        if later:
            return None
        raise Refusal("unauthorized", ASKED)

    def _permit(self, token: str, *, later: bool) -> Permit | None:
        """Return what a venue's token permits; None where the venue may still say, in its own words, that it is wrong.

        Raises Refusal (unauthorized).
        """
        assert self._keyring
        try:
            return self._keyring.permit(token)
        except Refusal:
            if later:
                return None
            raise

    def identify(self, token: str) -> Permit:
        """Return what the token of an `auth` message permits. Raises Refusal (unauthorized)."""
        return self._keyring.permit(token) if self._keyring else OPEN

    def over(self, permit: Permit | None) -> tuple[Close, str] | None:
        """Return how what was permitted has ended, and why; None while it holds."""
        return self._keyring.over(permit) if self._keyring and permit else None

    def _token(self, request: Request) -> str | None:
        """Return the one token of a request. Raises Refusal where there are two, or where it may not be."""
        if request.tokens and not self._query:
            raise Refusal("bad_request", "token: is not taken from the query here: send Authorization: Bearer TOKEN")
        found = {*request.tokens, *_bearers(request)}
        if len(found) > 1:
            raise Refusal("bad_request", "a request has one token, not several that differ")
        return next(iter(found), None)


def _nowhere(_: Request) -> None:
    """Find no token."""


def _covers(pattern: str, path: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern


def _bearers(request: Request) -> list[str]:
    """Return the tokens of the Authorization headers; another scheme, a proxy's perhaps, is not meant for us."""
    values = [value for name, value in request.headers if name == "authorization"]
    return [
        token.strip() for value in values for scheme, _, token in [value.partition(" ")] if scheme.lower() == "bearer"
    ]
