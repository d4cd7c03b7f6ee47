"""Credit: how many messages of ticks may be under way to a client that acknowledges them.

A message is told by the position it reaches; an acknowledgement is cumulative. While `size` messages are not
acknowledged the window is shut, and nothing more is sent; one that stays shut for too long is overdue.
"""

from collections import deque


class Flow:
    """A window of `size` messages."""

    __slots__ = ("_shut_s", "_unacked", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._unacked: deque[int] = deque()
        self._shut_s: float | None = None

    @property
    def unacked(self) -> int:
        """How many messages are not acknowledged."""
        return len(self._unacked)

    @property
    def shut(self) -> bool:
        """Whether nothing more may be sent."""
        return len(self._unacked) >= self.size

    def sent(self, seq: int) -> None:
        """Note that a message which reaches a position has been sent."""
        self._unacked.append(seq)

    def ack(self, seq: int) -> None:
        """Note that everything up to a position has been processed."""
        unacked = self._unacked
        while unacked and unacked[0] <= seq:
            unacked.popleft()
            self._shut_s = None

    def resize(self, size: int) -> None:
        """Have another size; one that opens it ends what time it has been shut."""
        self.size = size
        if not self.shut:
            self._shut_s = None

    def overdue(self, now_s: float, deadline_s: float) -> bool:
        """Tell whether it has been shut for `deadline_s` without an ack that helped; then begin anew."""
        if not self.shut:
            self._shut_s = None
            return False
        if self._shut_s is None:
            self._shut_s = now_s
        if now_s - self._shut_s < deadline_s:
            return False
        self._shut_s = now_s
        return True
