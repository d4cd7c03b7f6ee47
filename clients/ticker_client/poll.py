"""The lines by polls: long, where the server holds the answer until there is something, and short, where we wait."""

import asyncio
from collections.abc import Callable

from ticker.dialects import native
from ticker.session.requests import BATCHES_MAX, TicksAnswer
from ticker_client.plain import PlainLine

_read: Callable[[bytes], TicksAnswer] = native.reader(TicksAnswer)


class LongPollLine(PlainLine):
    """A line over `/v1/ticks?wait=`: there is always one question under way."""

    async def follow(self, revision: int) -> None:
        await self._poll(revision, self._desk.wait_s)

    async def _poll(self, revision: int, wait_s: float = 0.0) -> bool:
        """Take in one answer, held for up to `wait_s`; return whether there is more to be had at once."""
        path = f"/v1/ticks?{self._request.text}&since={self.place}&limit={BATCHES_MAX}"
        path += f"&wait={wait_s:g}" if wait_s else ""
        answer = await self._http.get(path, wait_s=wait_s, held=True)
        if revision != self._revision:
            return True  # what has been asked for since then, this is not
        self.check(answer)
        polled = _read(answer.body)
        for ticks in polled.batches:
            if not await self.take(ticks, revision):
                return True
        self._session.reach(polled.seq)
        return len(polled.batches) == BATCHES_MAX


class ShortPollLine(LongPollLine):
    """A line over `/v1/ticks`: a question every so often."""

    async def follow(self, revision: int) -> None:
        if not await self._poll(revision):
            await asyncio.sleep(self._desk.poll_every_s)

    def interrupt(self) -> None:
        """Leave the question that is under way: its answer is void, and the next one is not far."""
