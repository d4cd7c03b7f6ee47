"""Distributions as tables: they are the ones they are called, and the same bytes on every machine."""

from hashlib import sha256
from statistics import NormalDist

import numpy as np
import pytest

from ticker.market import makers, tables
from ticker.market.exact import Floats

GOLDEN = {
    "normal": "939c14b7d4ba5c6670aff9891b1d769e6a92809aaf131ef1550a9070f93ca54e",
    "pareto": "1f92f6cfa3f244620b0da262f7bd75a461c718d25e2d8aa5ee56ae922f885766",
    "lognormal": "d7838ee61b966f694c2e8ca2e7950ed8debbe825bf3493fa76a49b65eabde34b",
    "order_size": "374fdf6f2cbb869824a584a812eb8a724fba51b0f0122b2cdd0d06e8e63d9f8d",
    "level": "b74ed2585faebb954d8d1f8ad98721ac3f4e1dc7202527e5c66684a915196047",
}
"""Of each table: whoever changes one changes the model's name too."""
TABLES = {
    "normal": tables.normal,
    "pareto": lambda: tables.pareto(1.5, 3000),
    "lognormal": lambda: tables.lognormal(1.0),
    "order_size": tables.order_size,
    "level": tables.level,
}


@pytest.mark.parametrize("name", TABLES)
def test_the_same_on_every_machine(name: str) -> None:
    table = np.asarray(TABLES[name]())
    plain = table.astype("<f8") if table.dtype.kind == "f" else table.astype("<i8")
    assert sha256(plain.tobytes()).hexdigest() == GOLDEN[name]


@pytest.mark.parametrize("name", TABLES)
def test_one_quantile_for_each_draw(name: str) -> None:
    table = np.asarray(TABLES[name]())
    assert table.shape == (tables.COUNT,) and np.isfinite(table).all()
    assert table is np.asarray(TABLES[name]()), "made once"


def test_normal() -> None:
    table, normal = tables.normal(), NormalDist()
    exact = [normal.inv_cdf((k + 0.5) / tables.COUNT) for k in range(0, tables.COUNT, 257)]
    assert np.allclose(table[::257], exact, rtol=2e-9, atol=2e-9)
    assert np.array_equal(table, -table[::-1]) and (np.diff(table) > 0).all()
    assert abs(float((table * table).mean()) - 1) < 1e-4


def tail(table: Floats, x: float) -> float:
    return float((table > x).mean())


def test_pareto() -> None:
    table = tables.pareto(1.5, 3000)
    assert table.min() == 2 and table.max() <= 3000
    for x in (2, 10, 100):
        assert abs(tail(table, x) / x**-1.5 - 1) < 0.03


def test_lognormal() -> None:
    table = tables.lognormal(1.0)
    assert abs(float(table.mean()) - 1) < 1e-3 and table.min() > 0
    assert abs(float(np.log(table).std()) - 1) < 1e-3


def test_order_sizes() -> None:
    table = tables.order_size()
    assert table.min() == 1
    assert 0.25 < float((table < 100).mean()) < 0.31
    assert 0.3 < float((table == 100).mean()) < 0.5
    assert table.max() <= 40_000


def test_levels() -> None:
    table = tables.level()
    assert (table.min(), table.max()) == (1, makers.FARTHEST)
    assert abs(float((table == 1).mean()) / float((table == 2).mean()) / 2**0.9 - 1) < 0.01
