"""Standard output, written to without holding up the loop: whoever reads it slowly, or not at all, can be left."""

import asyncio
import os
import select
import stat

from ticker.errors import SetupError

CHUNK = select.PIPE_BUF  # what a pipe that is ready takes at once


class Outlet:
    """A descriptor that bytes are written to. It is left in the mode it is in: others may share it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    async def write(self, data: bytes) -> None:
        """Write it all. Raises BrokenPipeError where nobody reads any more, and SetupError where it cannot be."""
        left = memoryview(data)
        while left:
            if not self._poll.poll(0):
                await self._room()
            try:
                left = left[os.write(self._descriptor, left[:CHUNK]) :]
            except BrokenPipeError:
                raise
            except OSError as error:
                raise SetupError(f"standard output cannot be written to: {(error.strerror or '').lower()}") from None

    async def gone(self) -> None:
        """Return when whoever reads a pipe has left, though there is nothing to write; of anything else, never."""
        left = asyncio.Event()
        watched = stat.S_ISFIFO(os.fstat(self._descriptor).st_mode)
        if watched:  # of the end that is written to, all there is to hear is that
            asyncio.get_running_loop().add_reader(self._descriptor, left.set)
        try:
            await left.wait()
        finally:
            if watched:
                asyncio.get_running_loop().remove_reader(self._descriptor)

    async def _room(self) -> None:
        room = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_writer(self._descriptor, room.set)
        try:
            await room.wait()
        finally:
            loop.remove_writer(self._descriptor)
