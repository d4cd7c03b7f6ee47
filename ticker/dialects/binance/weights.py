"""How much of its minute an address has used up: Binance Spot API, "IP Limits".

Every request weighs something; the weights of the last sixty seconds may be 6,000 together. Who sends more is refused
(429) and told how long to wait, and who goes on all the same is banned (418): for two minutes at first, twice as long
every further time, three days at most. A refused request weighs as much as any other. Addresses that have been silent
longest are forgotten where there are too many.
"""

from collections import OrderedDict
from math import ceil
from typing import NamedTuple

from ticker.dialects.binance import faults
from ticker.dialects.binance.faults import Fault
from ticker.venue import Now

LIMIT = 6000
WINDOW_S = 60
REFUSALS_MAX = 10
"""So many refusals in a row are a client's that has not understood yet; what comes then is one that will not."""
BAN_S, BAN_MAX_S = 120, 3 * 86_400
ADDRESSES_MAX = 4096
"""Each costs about a kilobyte."""


class Charge(NamedTuple):
    """What an address has used in the last minute, and what its request is refused with, if it is."""

    used: int
    fault: Fault | None


class Weights:
    """The weights of all addresses. They are always counted, and minded only where `strict`."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    def charge(self, address: str, weight: int, now: Now) -> Charge:
        """Count a request."""
        account = self._accounts.get(address)
        if account is None:
            account = self._accounts[address] = _Account()
            if len(self._accounts) > ADDRESSES_MAX:
                self._accounts.popitem(last=False)
        self._accounts.move_to_end(address)
        account.add(int(now.monotonic_s), weight)
        return Charge(account.used, account.judge(now) if self._strict else None)


class _Account:
    """One address: weights by second in a ring, refusals in a row, bans."""

    __slots__ = ("_banned_until_s", "_bans", "_refusals", "_ring", "_second", "used")

    def __init__(self) -> None:
        self._ring = [0] * WINDOW_S
        self._second = 0
        self._refusals = 0
        self._bans = 0
        self._banned_until_s = 0.0
        self.used = 0

    def add(self, second: int, weight: int) -> None:
        passed = second - self._second
        for gone in range(self._second + 1, self._second + 1 + min(passed, WINDOW_S)):
            self.used -= self._ring[gone % WINDOW_S]
            self._ring[gone % WINDOW_S] = 0
        self._second = max(second, self._second)
        self._ring[self._second % WINDOW_S] += weight
        self.used += weight

    def judge(self, now: Now) -> Fault | None:
        if now.monotonic_s < self._banned_until_s:
            return self._banned(now)
        if self.used <= LIMIT:
            self._refusals = 0
            return None
        self._refusals += 1
        if self._refusals <= REFUSALS_MAX:
            return faults.used_up(LIMIT, self._wait_s())
        self._refusals = 0
        self._banned_until_s = now.monotonic_s + min(BAN_S << min(self._bans, 12), BAN_MAX_S)
        self._bans += 1
        return self._banned(now)

    def _banned(self, now: Now) -> Fault:
        left_s = self._banned_until_s - now.monotonic_s
        return faults.banned(now.wall_us // 1000 + ceil(left_s * 1000), ceil(left_s))

    def _wait_s(self) -> int:
        """Return after how many seconds without a request so much has gone that there is room again."""
        left = self.used
        for wait_s in range(1, WINDOW_S):
            left -= self._ring[(self._second + wait_s) % WINDOW_S]
            if left <= LIMIT:
                return wait_s
        return WINDOW_S
