"""What was received and is still to be looked at."""

import asyncio
from collections.abc import Callable

WAITING_BYTES_MAX = 1 << 20


class Inbox:
    """What was received and is still to be looked at, by all subscribers.

    Every socket that is ready is read and its time taken before anything is looked at: the work for one client must
    not make the next one's ticks look late. Where too much comes for that, it is looked at at once.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: list[tuple[Callable[[bytes, int], None], bytes, int]] = []
        self._bytes = 0

    def put(self, look_at: Callable[[bytes, int], None], data: bytes, received_us: int) -> None:
        """Have `look_at(data, received_us)` called soon, after all that came before."""
        if not self._waiting:
            self._loop.call_soon(self.empty)
        self._waiting.append((look_at, data, received_us))
        self._bytes += len(data)
        if self._bytes > WAITING_BYTES_MAX:
            self.empty()

    def empty(self) -> None:
        """Look at all of it now."""
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        for look_at, data, received_us in waiting:
            look_at(data, received_us)
