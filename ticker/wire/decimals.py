"""Numbers printed exactly: an integer count of 10**-decimals becomes text without passing through a float."""

KEPT_MAX = 1 << 16  # texts remembered by one table: prices come back, but not all of them for ever


class Decimals(dict[int, str]):
    """Texts of multiples of a unit: `Decimals(decimals=2, unit=5)[37]` is "1.85"."""

    def __init__(self, decimals: int, unit: int = 1) -> None:
        super().__init__()
        self._decimals = decimals
        self._unit = unit

    def __missing__(self, count: int) -> str:
        if len(self) >= KEPT_MAX:
            self.clear()
        text = self[count] = spell(count * self._unit, self._decimals)
        return text


def spell(units: int, decimals: int) -> str:
    """Return so many units of 10**-decimals as text."""
    whole, part = divmod(abs(units), 10**decimals)
    sign = "-" if units < 0 else ""
    return f"{sign}{whole}.{part:0{decimals}d}" if decimals else f"{sign}{whole}"
