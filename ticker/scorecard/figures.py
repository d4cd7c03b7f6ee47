"""The report's figures: which series are drawn how, and a sentence on what each shows. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import erfc, exp, pi, sqrt

import numpy as np

from ticker.pages.charts import Axis, Columns, Line, Points, around, chart
from ticker.scorecard.estimators import Floats
from ticker.scorecard.pictures import MINUTE_LAGS, SPANS_S, Pictures
from ticker.scorecard.report import Run

REAL_EPPS = {
    "two pairs of US stocks, one day of 2014": [
        ((1, 0.12), (5, 0.36), (10, 0.49), (30, 0.71), (60, 0.77), (300, 0.82)),
        ((1, 0.12), (5, 0.37), (10, 0.47), (30, 0.66), (60, 0.73), (300, 0.77)),
    ]
}
TAIL_POINTS = 60
RETURNS_MIN = 100


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing with what it shows; `keys` name its colours."""

    title: str
    caption: str
    keys: tuple[tuple[int, str], ...]
    drawing: str


def figures(run: Run) -> Iterator[Figure]:
    """Yield the figures that a run's data allow."""
    shown = run.pictures
    if len(shown.returns) >= RETURNS_MIN:
        yield _distribution(shown.returns)
        yield _tail(shown.returns)
    if len(shown.abs_acf):
        yield _memory(shown)
    if len(shown.sign_acf):
        yield _signs(shown.sign_acf)
    if len(shown.activity):
        yield _day(shown, run.hours)
    if len(shown.signature_trades) or len(shown.signature_mid):
        yield _signature(shown)
    if len(shown.eigenvalues) > 2:
        yield _eigenvalues(shown)
    if np.isfinite(run.epps[300]):
        yield _epps(run.epps)


def _distribution(returns: Floats) -> Figure:
    heights, edges = np.histogram(np.clip(returns, -8, 8), bins=65, range=(-8, 8), density=True)
    bars = [(float(a), float(b), float(h)) for a, b, h in zip(edges[:-1], edges[1:], heights, strict=True) if h > 0]
    bell = [(float(z), exp(-z * z / 2) / sqrt(2 * pi)) for z in np.linspace(-8, 8, 161)]
    return Figure(
        "One-minute returns against a Gaussian",
        "Density of returns in standard deviations of their instrument, on a logarithmic axis. Real returns have a "
        "higher peak and far more large moves than a Gaussian, which is the parabola here; at the edge stands all "
        "that lies beyond.",
        ((0, "this data"), (1, "Gaussian")),
        chart(
            "Return distribution",
            [Columns(bars, 0), Line(bell, 1)],
            Axis("standard deviations", -8, 8),
            Axis("density", 1e-5, 1.5, log=True),
        ),
    )


def _tail(returns: Floats) -> Figure:
    sizes = np.sort(np.abs(returns))[::-1]
    ranks = np.unique(np.geomspace(1, len(sizes), TAIL_POINTS).astype(int))
    points = [(float(sizes[rank - 1]), rank / len(sizes)) for rank in ranks if sizes[rank - 1] >= 0.3]
    bell = [(float(z), erfc(z / sqrt(2))) for z in np.geomspace(0.3, 6, 50)]
    start = float(np.quantile(sizes, 0.98))
    cubic = [(start * factor, 0.02 * factor**-3) for factor in (0.8, 1, 2, 5, 10)]
    high = max(10.0, float(sizes[0]) * 1.2)
    return Figure(
        "The tail of returns",
        "Share of returns that are larger than a size, both axes logarithmic. Real tails fall like the third power "
        "(Gopikrishnan et al. 1998), a straight line here; a Gaussian's bends down and is gone.",
        ((0, "this data"), (1, "Gaussian"), (2, "third power")),
        chart(
            "Tail",
            [Line(bell, 1), Line(cubic, 2, dashed=True), Line(points, 0, dots=True)],
            Axis("standard deviations", 0.3, high, log=True),
            Axis("share", 0.3 / len(sizes), 1, log=True),
        ),
    )


def _series(values: Floats, first: float = 1) -> Points:
    return [(first + i, float(value)) for i, value in enumerate(values)]


def _memory(shown: Pictures) -> Figure:
    low, high = around([*shown.abs_acf, *shown.return_acf, -0.05, 0.25])
    return Figure(
        "Memory of returns",
        "Autocorrelation of one-minute returns and of their absolute size, mean over instruments. In real markets the "
        "sign of a return says next to nothing of the next one, its size says something for hours.",
        ((0, "|return|"), (1, "return")),
        chart(
            "Autocorrelation of returns",
            [
                Line([(0, 0), (MINUTE_LAGS, 0)], 3),
                Line(_series(shown.return_acf), 1),
                Line(_series(shown.abs_acf), 0),
            ],
            Axis("minutes later", 0, MINUTE_LAGS),
            Axis("autocorrelation", low, high),
        ),
    )


def _signs(memory: Floats) -> Figure:
    points = [(lag, value) for lag, value in _series(memory) if value > 0]
    first = max(float(memory[0]), 1e-3)
    falls = [(float(lag), first * float(lag) ** -0.6) for lag in (1, 300)]
    return Figure(
        "Memory of trade signs",
        "Autocorrelation of buying and selling, trade by trade, both axes logarithmic. Large orders are worked in "
        "many small ones, so that signs remember each other as a power of their distance; on the London Stock "
        "Exchange its exponent is about 0.6 (Lillo and Farmer 2004).",
        ((0, "this data"), (2, "exponent 0.6")),
        chart(
            "Autocorrelation of signs",
            [Line(falls, 2, dashed=True), Line(points, 0, dots=True)],
            Axis("trades later", 1, 300, log=True),
            Axis("autocorrelation", 1e-3, 1, log=True),
        ),
    )


def _day(shown: Pictures, hours: float) -> Figure:
    width = hours / len(shown.activity)
    bars = [(i * width, (i + 1) * width, float(value)) for i, value in enumerate(shown.activity)]
    lively = [((i + 0.5) * width, float(value)) for i, value in enumerate(shown.volatility)]
    top = around([*shown.activity, *shown.volatility, 2.0], least=0)[1]
    return Figure(
        "The day",
        "Trades and size of one-minute returns over the session, each over its mean, mean over instruments. Real "
        "stocks are lively at the open, calm at midday, busy at the close.",
        ((0, "trades"), (1, "|return|")),
        chart(
            "Activity over the day",
            [Columns(bars, 0), Line(lively, 1)],
            Axis("hours since the open", 0, hours),
            Axis("over its mean", 0, top),
        ),
    )


def _signature(shown: Pictures) -> Figure:
    trades = list(zip(map(float, SPANS_S), map(float, shown.signature_trades), strict=False))
    mids = list(zip(map(float, SPANS_S), map(float, shown.signature_mid), strict=False))
    low, high = around([y for _, y in [*trades, *mids]] + [0.8, 1.4], room=0.1)
    return Figure(
        "Signature plot",
        "Realised variance by the time that returns are taken over, over that at 300 seconds, median over instruments. "
        "Trade prices bounce between bid and ask and so seem to vary more the closer one looks (real: 1.1 to 1.8 at "
        "one second); mids hardly do (0.88 to 1.18).",
        ((0, "trades"), (1, "mid")),
        chart(
            "Signature plot",
            [Line([(1, 1), (300, 1)], 3), Line(trades, 0), Line(mids, 1)],
            Axis("seconds", 1, 300, log=True),
            Axis("variance", max(low, 0), high),
        ),
    )


def _eigenvalues(shown: Pictures) -> Figure:
    values, edge = shown.eigenvalues, shown.edge
    right = edge * 1.6
    heights, edges = np.histogram(values[values <= right], bins=32, range=(0, right))
    scale = len(values) * right / 32
    bars = [(float(a), float(b), float(h) / scale) for a, b, h in zip(edges[:-1], edges[1:], heights, strict=True)]
    chance = _chance(shown)
    return Figure(
        "Eigenvalues of correlations",
        f"Spectrum of the correlations of one-minute returns of {len(values)} instruments, and what independent ones "
        f"would give (Marchenko and Pastur). {_above(values, edge)}",
        ((0, "this data"), (1, "chance")),
        chart(
            "Eigenvalues",
            [Columns(bars, 0), Line(chance, 1)],
            Axis("eigenvalue", 0, right),
            Axis("density", 0, around([y for *_, y in [*bars, *chance]], least=0)[1]),
        ),
    )


def _chance(shown: Pictures) -> Points:
    """Return the density of Marchenko and Pastur."""
    low, high = (1 - sqrt(shown.aspect)) ** 2, shown.edge
    return [
        (float(at), sqrt(max((high - at) * (at - low), 0.0)) / (2 * pi * shown.aspect * at))
        for at in np.linspace(max(low, 1e-3), high, 120)
    ]


def _above(values: Floats, edge: float) -> str:
    above = values[values > edge]
    if not len(above):
        return "None is above its edge: these instruments have nothing in common."
    largest = ", ".join(f"{value:.3g}" for value in above[:5])
    return (
        f"Above its edge, {len(above)}: {largest} (not drawn where they are far to the right). The largest is the "
        f"market, with {values[0] / len(values):.0%} of all variance (25 to 35 % of real daily returns), the next are "
        "sectors."
    )


def _epps(curve: dict[int, float]) -> Figure:
    real = [Line(points, 1, dashed=True) for several in REAL_EPPS.values() for points in several]
    mine = [(float(seconds), value) for seconds, value in curve.items()]
    values = [value for _, value in mine] + [0.85, 0.0]
    return Figure(
        "Correlation comes with time (Epps)",
        "Mean correlation of trade prices by the time that returns are taken over. At one second prices of related "
        f"stocks hardly move together; at five minutes they do. Dashed: {', '.join(REAL_EPPS)}.",
        ((0, "this data"), (1, "real pairs")),
        chart(
            "Epps effect",
            [*real, Line(mine, 0)],
            Axis("seconds", 1, 300, log=True),
            Axis("correlation", *around(values)),
        ),
    )
