"""What a slow reader is owed: a position on the tape, not a queue.

A reader has a pace only while it is behind. It reads the tape from `cursor` on; a change of interest takes effect at
the position where it was made (`turns`), so that a snapshot sent ahead of the backlog is never followed by older
ticks of the same instrument. What falls off the tape before it was read is counted in `dropped`, exactly. A
*recovery* is a stretch of the past that was asked for: whoever asked is told when it has been sent.
"""

from typing import NamedTuple

from ticker.interest import Interest
from ticker.session.messages import Recovered
from ticker.ticks import Position


class Recovery(NamedTuple):
    """A stretch of the tape that was asked for: after `since` up to `until`."""

    since: int
    until: int


class Pace:
    """Where a reader is on the tape, and what it wants from there on."""

    __slots__ = ("cursor", "dropped", "interest", "recoveries", "since", "turns")

    def __init__(self, cursor: int, interest: Interest) -> None:
        self.cursor = cursor
        self.interest = interest
        self.turns: list[tuple[int, Interest]] = []
        self.recoveries: list[Recovery] = []
        self.dropped = 0
        self.since = cursor
        """The position after which the first of the dropped ticks was."""

    @property
    def aim(self) -> Interest:
        """What is wanted once all changes have taken effect."""
        return self.turns[-1][1] if self.turns else self.interest

    def change(self, interest: Interest, head: int) -> None:
        """Take up a new interest: what is no longer wanted ends at once, what is new begins after `head`."""
        added = interest - self.aim
        self.interest = self.interest & interest
        self.turns = [(seq, wanted & interest) for seq, wanted in self.turns]
        self.widen(added, head)

    def widen(self, added: Interest, since: int) -> None:
        """Want more from after `since` on, which has not been sent yet, and may not have happened yet."""
        earlier = [(seq, wanted) for seq, wanted in self.turns if seq <= since]
        before = earlier[-1][1] if earlier else self.interest
        later = [(seq, wanted | added) for seq, wanted in self.turns if seq > since]
        self.turns = [*earlier, (since, before | added), *later]
        self._turn()

    def recovered(self) -> list[Recovery]:
        """Return the recoveries that have been sent, once."""
        if not self.recoveries:
            return []
        done = [recovery for recovery in self.recoveries if recovery.until <= self.cursor]
        self.recoveries = [recovery for recovery in self.recoveries if recovery.until > self.cursor]
        return done

    def stop(self, until: int) -> int:
        """Return how far the tape may be read with the interest of now, at most `until`."""
        return min(until, self.turns[0][0]) if self.turns else until

    def reached(self, seq: int) -> None:
        """Note that everything up to `seq` has been sent."""
        self.cursor = seq
        self._turn()

    def lose(self, seq: int, ticks: int) -> None:
        """Note that `seq`, with so many ticks it was owed, is gone from the tape. Only for positions in order."""
        if not self.dropped:
            self.since = self.cursor
        self.dropped += ticks
        self.reached(seq)

    def _turn(self) -> None:
        while self.turns and self.turns[0][0] <= self.cursor:
            self.interest = self.turns.pop(0)[1]


def recovered(epoch: str, recovery: Recovery, gap: tuple[int, int] | None) -> Recovered:
    """Return the message that a stretch of the tape has been sent, all but the gap."""
    since, until = (str(Position(epoch, seq)) for seq in recovery)
    if gap is None:
        return Recovered(from_=since, to=until, complete=True)
    first, last = (str(Position(epoch, seq)) for seq in gap)
    return Recovered(from_=since, to=until, complete=False, gap={"from": first, "to": last})
