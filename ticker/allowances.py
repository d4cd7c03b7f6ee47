"""What a venue allows: so many at once, and again as many in a period, come in evenly. Clocks are handed in."""

KEYS_MAX = 1 << 14  # addresses remembered; those that have their whole allowance need not be


class Allowance:
    """One allowance, whole to begin with: `count` at once, all of which are back after `period_s`."""

    __slots__ = ("_count", "_left", "_period_s", "_then_s")

    def __init__(self, count: int, period_s: float, monotonic_s: float) -> None:
        self._count = count
        self._period_s = period_s
        self._left = float(count)
        self._then_s = monotonic_s

    def takes(self, monotonic_s: float, count: int = 1) -> bool:
        """Take so many, or none; tell whether they were there."""
        self._look(monotonic_s)
        if self._left < count:
            return False
        self._left -= count
        return True

    def is_whole(self, monotonic_s: float) -> bool:
        """Tell whether nothing is missing."""
        self._look(monotonic_s)
        return self._left >= self._count

    def _look(self, monotonic_s: float) -> None:
        back = (monotonic_s - self._then_s) * self._count / self._period_s
        self._left = min(self._left + back, self._count)
        self._then_s = monotonic_s


class Allowances:
    """An allowance for each key, such as an address. Where there are too many keys, whole ones are forgotten."""

    def __init__(self, count: int, period_s: float) -> None:
        self._count = count
        self._period_s = period_s
        self._by_key: dict[str, Allowance] = {}

    def takes(self, key: str, monotonic_s: float) -> bool:
        """Take one for a key; tell whether it was there. A key too many has none."""
        allowance = self._by_key.get(key)
        if allowance is None:
            if len(self._by_key) >= KEYS_MAX:
                self._by_key = {k: kept for k, kept in self._by_key.items() if not kept.is_whole(monotonic_s)}
            if len(self._by_key) >= KEYS_MAX:
                return False
            allowance = self._by_key[key] = Allowance(self._count, self._period_s, monotonic_s)
        return allowance.takes(monotonic_s)
