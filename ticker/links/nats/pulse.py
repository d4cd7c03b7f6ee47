"""How a server that follows is: whether what it serves is the newest, how fast that moves, and how late it comes."""

from ticker import clock
from ticker.links.nats.follower import Follower
from ticker.links.nats.lease import Lease
from ticker.links.nats.link import Link
from ticker.source import Host

SPAN_S = 2.0  # over which the speed is measured
PATIENCE = 1.5  # leases without a leader before anybody is told: one that stands by takes over after one


class Pulse:
    """Looked at several times a second (`measure`)."""

    def __init__(self, host: Host, link: Link, follower: Follower, lease: Lease) -> None:
        self._host = host
        self._link = link
        self._follower = follower
        self._lease = lease
        self._meter = clock.Speedometer(SPAN_S)
        self._said: str | None = None

    @property
    def speed(self) -> float:
        return self._lease.leader.speed if self._lease.leader else 1.0

    @property
    def paused(self) -> bool:
        return self._lease.leader.paused if self._lease.leader else False

    @property
    def speed_actual(self) -> float:
        """Seconds of market time in a second, as measured lately."""
        feed = self._follower.feed
        rate = self._meter.steps_per_s(clock.monotonic_s(), feed.tape.head) if feed else 0.0
        return rate * self._step_us / 1e6

    @property
    def flushes_per_s(self) -> float:
        """A message a step at most; the root may join some."""
        return self.speed * 1e6 / self._step_us

    @property
    def lag_s(self) -> float:
        """How late the newest step came, if the clocks of two machines are the same."""
        return self._follower.lag_s

    @property
    def _step_us(self) -> int:
        return self._follower.label.step_us if self._follower.label else 1_000_000

    def measure(self) -> None:
        """Note how far the tape is, and say whether it is the newest."""
        feed = self._follower.feed
        if feed:
            self._meter.note(clock.monotonic_s(), feed.tape.head)
        self.say(self._reason())

    def say(self, reason: str) -> None:
        """Tell the server, where it is news."""
        if reason != self._said:
            self._said = reason
            self._host.stale(reason)

    def _reason(self) -> str:
        """Return why what is served may not be the newest; empty where it is."""
        if self._link.reason:
            return self._link.reason
        if self._follower.reason:
            return self._follower.reason
        if self._follower.silent:
            return "nothing is heard from NATS"
        leader = self._lease.leader
        if leader is None or leader.released or self._lease.silent_s > PATIENCE * self._lease.lease_s:
            return "nobody makes the tape at the moment"
        return ""
