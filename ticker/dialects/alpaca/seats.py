"""Who is connected with which key: one connection a key and feed, where the venue's limits are kept."""

Seat = tuple[str, ...]


class Seats:
    """The clients of one venue, by feed and key."""

    def __init__(self) -> None:
        self._taken: dict[Seat, object] = {}

    def take(self, seat: Seat, who: object) -> bool:
        """Take a seat unless somebody else has it."""
        return self._taken.setdefault(seat, who) is who

    def leave(self, seat: Seat, who: object) -> None:
        """Give a seat back."""
        if self._taken.get(seat) is who:
            del self._taken[seat]
