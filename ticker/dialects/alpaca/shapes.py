"""The messages of the stream, field by field, in the order of the documents' samples; `T` comes first.

Numbers and times are what a codec makes of them. Over HTTP the same facts are told without `T` and `S`.
"""

from typing import Any

import msgspec


class Shape(msgspec.Struct, tag_field="T", gc=False):
    """A message about `S`."""

    S: str


class StockTrade(Shape, tag="t"):
    """`i` number of the trade, `x` exchange, `c` conditions, `z` tape."""

    i: int
    x: str
    p: Any
    s: Any
    c: list[str]
    z: str
    t: Any


class StockQuote(Shape, tag="q"):
    """Sizes are in round lots."""

    bx: str
    bp: Any
    bs: Any
    ax: str
    ap: Any
    # `as` is no name in Python.
    as_: Any = msgspec.field(name="as")
    c: list[str]
    z: str
    t: Any


class Bar(Shape, tag="b"):
    """A minute; `t` is when it opened."""

    o: Any
    h: Any
    l: Any  # noqa: E741 (the venue's name)
    c: Any
    v: Any
    t: Any
    n: int
    vw: Any


class UpdatedBar(Bar, tag="u"):
    """A minute told again."""


class DailyBar(Bar, tag="d"):
    """The day up to now."""


class Status(Shape, tag="s"):
    """A halt, or its end: code and message of the status, code and message of the reason."""

    sc: str
    sm: str
    rc: str
    rm: str
    t: Any
    z: str


class Luld(Shape, tag="l"):
    """Price bands: up, down, and the indicator of what they are told for."""

    u: Any
    d: Any
    i: str
    t: Any
    z: str


class Correction(Shape, tag="c"):
    """A trade as it was told, and as it should have been."""

    x: str
    oi: int
    op: Any
    os: Any
    oc: list[str]
    ci: int
    cp: Any
    cs: Any
    cc: list[str]
    t: Any
    z: str


class CancelError(Shape, tag="x"):
    """A trade that is taken back: `a` is "C" where it was cancelled, "E" where it was in error."""

    i: int
    x: str
    p: Any
    s: Any
    a: str
    t: Any
    z: str


class Imbalance(Shape, tag="i"):
    """The price at which an auction would be held."""

    p: Any
    z: str
    t: Any


class CryptoTrade(Shape, tag="t"):
    """`tks` is the side of the taker."""

    p: Any
    s: Any
    t: Any
    i: int
    tks: str


class CryptoQuote(Shape, tag="q"):
    """Sizes are in coins."""

    bp: Any
    bs: Any
    ap: Any
    as_: Any = msgspec.field(name="as")
    t: Any


class Level(msgspec.Struct, gc=False):
    """A size of 0 takes the level away."""

    p: Any
    s: Any


class Orderbook(Shape, tag="o", omit_defaults=True):
    """Levels that are new, or with `r` all there are."""

    t: Any
    b: list[Level]
    a: list[Level]
    r: bool = False


def facts(shape: Shape) -> dict[str, Any]:
    """Return what a message says besides its kind and its symbol."""
    names = zip(shape.__struct_fields__, shape.__struct_encode_fields__, strict=True)
    return {told: getattr(shape, name) for name, told in names if name not in ("S", "r")}
