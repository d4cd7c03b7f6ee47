"""The checks and the real values behind them: the constants of the project's market specification, section 4B.

`real` are two days of one US stock (2018; the sample of the GPL package highfrequency, ~4 ticks of spread).
`observed` is the least and the greatest value that was measured on real data: those two days and, where they were
measured, three symbols of one day in 2014 and one European stock of one day in 2013. That is thin: the strict tier is
reported, and read with that in mind. Ranges were set knowing the real values.
"""

from dataclasses import dataclass

TOLERANCE = 0.10
"""How far outside the observed real values the strict tier still counts, as a share of each."""
PASSES_MIN = 29
"""Micro checks that must pass, of 31; none of the bold ones may fail."""
STRICT_MIN = 26
"""Micro checks that should lie inside what was observed, of 31."""
PARTIAL_DAY = 1.5
"""By how much the ranges of the one-minute correlations are widened where less than a day was seen."""


@dataclass(frozen=True, slots=True)
class Check:
    """One statistic, the range it must lie in, and what was seen in reality.

    `quoted` marks those whose real values are one wide-spread stock's quotes; `partial` is by how much the range is
    widened for a part of a day.
    """

    name: str
    low: float
    high: float
    real: tuple[float, ...]
    observed: tuple[float, float]
    bold: bool = False
    quoted: bool = False
    partial: float = 1.0

    def passes(self, value: float, widened: float = 1.0) -> bool:
        """Tell whether a value lies in the range; NaN never does."""
        low, high = (self.low / widened, self.high * widened) if widened != 1 else (self.low, self.high)
        return low <= value <= high

    def is_real(self, value: float) -> bool:
        """Tell whether a value passes and lies within what was observed, give or take `TOLERANCE`."""
        least, most = self.observed
        return self.passes(value) and least - TOLERANCE * abs(least) <= value <= most + TOLERANCE * abs(most)


MICRO = (
    Check("duration CV", 1.25, 2.6, (1.43, 1.48), (1.43, 2.4), bold=True),
    Check("duration ACF(1)", 0.08, 0.25, (0.122, 0.111), (0.09, 0.22), bold=True),
    Check("Fano counts 1 s", 1.5, 15, (1.8, 1.8), (1.8, 7.8)),
    Check("Fano counts 60 s", 6, 60, (9.6, 10.2), (9.6, 23)),
    Check("count ACF at 10 min", 0.05, 0.55, (0.11, 0.13), (0.11, 0.13)),
    # By Lee and Ready against quotes; the tick test, which has a memory of its own, gave .45 to .53.
    Check("trade-sign ACF(1)", 0.2, 0.82, (0.316, 0.285), (0.285, 0.32), bold=True),
    Check("trade-sign ACF exponent", 0.3, 0.95, (0.55, 0.45), (0.45, 0.93), bold=True),
    # Consolidated tapes bounce (-.45), a single cleaned exchange hardly does (+.08).
    Check("trade price-change ACF(1)", -0.48, 0.1, (0.015, 0.077), (-0.45, 0.08)),
    Check("sd of log size", 0.9, 2.1, (1.23, 1.35), (0.96, 2.08)),
    Check("size tail exponent", 1.4, 2.6, (2.1, 2.11), (1.5, 2.5), bold=True),
    Check("round-lot share", 0.45, 0.75, (0.567, 0.554), (0.48, 0.68)),
    Check("share of exactly 100", 0.2, 0.5, (0.384, 0.37), (0.24, 0.48)),
    Check("odd-lot share", 0.15, 0.5, (0.242, 0.266), (0.15, 0.47)),
    Check("corr(|r|, N) 1 min", 0.1, 0.5, (0.33, 0.12), (0.12, 0.35), bold=True, partial=PARTIAL_DAY),
    Check("corr(|r|, V) 1 min", 0.08, 0.5, (0.31, 0.11), (0.11, 0.36), partial=PARTIAL_DAY),
    Check("activity open/mid", 1.4, 3.3, (2.47, 2.3), (1.5, 3.2)),
    Check("activity close/mid", 1.4, 3.8, (3.06, 3.13), (1.4, 3.7)),
    Check("signature, trades 1s/300s", 0.9, 3.0, (1.31, 1.35), (1.1, 1.8)),
    Check("spread CV", 0.3, 1.2, (0.74, 0.64), (0.64, 0.74), quoted=True),
    Check("spread open/mid", 1.5, 4.5, (4.07, 2.98), (2.98, 4.07), quoted=True),
    Check("signature, mid 1s/300s", 0.6, 1.4, (0.88, 1.18), (0.88, 1.18), bold=True, quoted=True),
    Check("mid ACF(1) 1 s", -0.08, 0.08, (0.021, 0.074), (0.021, 0.074), bold=True, quoted=True),
    Check("mid alternation share", 0.3, 0.55, (0.503, 0.424), (0.424, 0.503), quoted=True),
    Check("response R(1)/spread", 0.02, 0.55, (0.289, 0.3), (0.289, 0.3), bold=True, quoted=True),
    Check("response growth R10/R1", 1.1, 10, (1.6, 1.22), (1.22, 1.6), quoted=True),
    Check("OFI R2 10 s", 0.2, 0.8, (0.41, 0.52), (0.41, 0.52), bold=True, quoted=True),
    Check("trade-imbalance R2 10 s", 0.03, 0.4, (0.26, 0.22), (0.22, 0.26), quoted=True),
    Check("P(up | imbalance>.5)", 0.57, 0.8, (0.635, 0.639), (0.635, 0.639), quoted=True),
    Check("P(up | imbalance<-.5)", 0.2, 0.48, (0.429, 0.474), (0.429, 0.474), quoted=True),
    Check("quotes per trade", 2, 20, (6.6, 6.4), (6.4, 6.6), quoted=True),
    Check("sd of log best size", 0.5, 1.2, (0.87, 0.88), (0.87, 0.88), quoted=True),
)
