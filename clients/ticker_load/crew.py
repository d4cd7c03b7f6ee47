"""All processes of a run: started, told to begin together, and asked what they saw."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from ticker import clock
from ticker.errors import SetupError
from ticker_load import worker
from ticker_load.plan import Plan
from ticker_load.roles import Share
from ticker_load.serverside import Looker, ServerSide
from ticker_load.worker import Result, Status

END_S = 30.0
Watch = Callable[[list[Status], str, ServerSide], None]


@dataclass(slots=True)
class Outcome:
    """What all processes saw, each by itself, and what the server told meanwhile."""

    results: list[Result] = field(default_factory=list)
    server: ServerSide = field(default_factory=ServerSide)
    connect_s: float = 0.0
    began_s: float = 0.0
    """Wall clock when the measured window began."""
    interrupted: bool = False


class Hand:
    """One process, and what it last said."""

    def __init__(self, plan: Plan, share: Share, listed: list[str]) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(
            target=worker.main, args=(theirs, plan, share, listed), daemon=True
        )
        self.process.start()
        theirs.close()
        self.status = Status()
        loop = asyncio.get_running_loop()
        self.joined: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[Result] = loop.create_future()
        loop.add_reader(self.pipe.fileno(), self._listen, self.pipe)
        os.set_blocking(self.pipe.fileno(), True)  # uvloop has changed that: a long message comes in pieces

    def say(self, word: str) -> None:
        """Tell the process something, if it still listens."""
        with suppress(OSError):
            self.pipe.send(word)

    def end(self) -> None:
        """Let it end, or make it."""
        asyncio.get_running_loop().remove_reader(self.pipe.fileno())
        self.pipe.close()
        self.process.join(END_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()

    def _listen(self, pipe: Connection) -> None:
        try:
            while pipe.poll():
                self._take(pipe.recv())
        except (EOFError, OSError):
            asyncio.get_running_loop().remove_reader(pipe.fileno())
            self._fail(SetupError("a process of the load tester has ended unexpectedly"))

    def _take(self, word: object) -> None:
        match word:
            case Status():
                self.status = word
            case "joined" if not self.joined.done():
                self.joined.set_result(None)
            case Result():
                self.done.set_result(word)
            case SetupError():
                self._fail(word)

    def _fail(self, error: SetupError) -> None:
        for future in (self.joined, self.done):
            if not future.done():
                future.set_exception(error)
                future.exception()


class Crew:
    """The processes of one run."""

    def __init__(self, plan: Plan, watch: Watch) -> None:
        self.plan = plan
        self._watch = watch
        self._hands: list[Hand] = []
        self._outcome = Outcome()

    async def run(self) -> Outcome:
        """Run the plan. Raises SetupError where not even the first client can join."""
        looker = Looker(worker.terms(self.plan).address)
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self.stop)
        telling = asyncio.create_task(self._tell())
        try:
            listed = await looker.listed() if self.plan.mix != "same" else []
            count = processes(self.plan)
            started_s = clock.monotonic_s()
            self._hands = [Hand(self.plan, Share(place, count), listed) for place in range(count)]
            await asyncio.gather(*(hand.joined for hand in self._hands))
            self._outcome.connect_s = clock.monotonic_s() - started_s
            self._outcome.began_s = clock.wall_us() / 1e6
            self.go()
            self._outcome.server = looker.found
            watching = asyncio.create_task(looker.watch())
            self._outcome.results = list(await asyncio.gather(*(hand.done for hand in self._hands)))
            watching.cancel()
        finally:
            telling.cancel()
            looker.close()
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
            for hand in self._hands:
                hand.end()
        return self._outcome

    def go(self) -> None:
        """Let the measured window begin."""
        for hand in self._hands:
            hand.say("go")

    def stop(self) -> None:
        """Let the run end early."""
        self._outcome.interrupted = True
        for hand in self._hands:
            hand.say("stop")

    async def _tell(self) -> None:
        while True:
            joining = not all(hand.joined.done() for hand in self._hands)
            doing = "joining" if joining else "measuring"
            self._watch([hand.status for hand in self._hands], doing, self._outcome.server)
            await asyncio.sleep(0.5)


def processes(plan: Plan) -> int:
    """Return how many processes a plan is run by: one a core unless it says otherwise, never more than clients."""
    return max(1, min(plan.processes or len(os.sched_getaffinity(0)), plan.clients))
