"""Who is connected with which key: one connection a key and feed, where the venue's limits are kept.

The house does not say when a client is gone. A talk that it looks at is there; one that it has not looked at for a
while, or has dropped, has left its seat.
"""

from collections import defaultdict
from weakref import WeakKeyDictionary

GONE_S = 3.0
"""A talk is looked at every half a second."""


class Seats:
    """The clients of one venue, by feed and key."""

    def __init__(self) -> None:
        self._taken: defaultdict[tuple[str, ...], WeakKeyDictionary[object, float]] = defaultdict(WeakKeyDictionary)

    def take(self, seat: tuple[str, ...], who: object, now_s: float) -> bool:
        """Take a seat unless somebody else has it."""
        if any(one is not who and now_s - seen < GONE_S for one, seen in self._taken[seat].items()):
            return False
        self._taken[seat] = WeakKeyDictionary({who: now_s})
        self._sweep()
        return True

    def seen(self, seat: tuple[str, ...], who: object, now_s: float) -> None:
        """Note that somebody is there."""
        if who in self._taken.get(seat, ()):
            self._taken[seat][who] = now_s

    def leave(self, seat: tuple[str, ...], who: object) -> None:
        """Give a seat back."""
        self._taken.get(seat, WeakKeyDictionary[object, float]()).pop(who, None)

    def _sweep(self) -> None:
        """Forget seats that are empty."""
        for seat in [seat for seat, taken in self._taken.items() if not taken]:
            del self._taken[seat]
