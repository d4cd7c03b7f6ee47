"""What a client may do for long, and how much of it at once.

A token bucket: it is full at the start, fills up again at a steady rate, and holds no more than a burst. It knows no
clock: the time is given. It is kept as the moment at which all that was spent is earned again, a float a client.
"""

KEYS_MAX = 1 << 14  # of budgets by key: two megabytes
SLACK = 1e-3  # of one: sums of floats are not exact, and nobody is to be refused for that


class Allowance:
    """So many at once, and so many a second for long: the same for all who have it."""

    __slots__ = ("burst", "each_s", "most_s", "per_s")

    def __init__(self, per_s: float, burst: float) -> None:
        self.burst = burst
        self.change(per_s)

    def change(self, per_s: float) -> None:
        """Be another rate from now on."""
        self.per_s = per_s
        self.each_s = 1 / per_s
        self.most_s = (self.burst + SLACK) / per_s


class Budget:
    """What one client has spent of an allowance."""

    __slots__ = ("_earned_s", "allowance")

    def __init__(self, allowance: Allowance) -> None:
        self.allowance = allowance
        self._earned_s = float("-inf")

    def take(self, now_s: float, cost: float = 1) -> bool:
        """Spend some, and tell whether it was there to be spent."""
        earned_s, allowance = self._earned_s, self.allowance
        if earned_s < now_s:
            earned_s = now_s
        earned_s += cost * allowance.each_s
        if earned_s - now_s > allowance.most_s:
            return False
        self._earned_s = earned_s
        return True

    def wait_s(self, now_s: float, cost: float = 1) -> float:
        """Return after how many seconds that may be spent."""
        allowance = self.allowance
        return max(0.0, self._earned_s + (cost - allowance.burst) * allowance.each_s - now_s)

    def whole(self, now_s: float) -> bool:
        """Tell whether nothing is spent that is not earned again."""
        return self._earned_s <= now_s


class Budgets:
    """What each of many has spent of an allowance, by a key such as an address.

    Where there are too many keys, those are forgotten that have earned all again; a key too many has nothing.
    """

    __slots__ = ("_allowance", "_by_key")

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._by_key: dict[str, Budget] = {}

    def __len__(self) -> int:
        return len(self._by_key)

    def take(self, key: str, now_s: float) -> bool:
        """Spend one of a key's, and tell whether it was there to be spent."""
        budget = self._by_key.get(key)
        if budget is None:
            if len(self._by_key) >= KEYS_MAX:
                self._by_key = {known: kept for known, kept in self._by_key.items() if not kept.whole(now_s)}
            if len(self._by_key) >= KEYS_MAX:
                return False
            budget = self._by_key[key] = Budget(self._allowance)
        return budget.take(now_s)
