"""What may be had of what is asked for: cut by `*`, refused by name."""

import pytest

from ticker.instruments import Instrument, Universe
from ticker.interest import Interest
from ticker.session.permits import OPEN, Permit, permitted
from ticker.session.terms import Terms, resolve_table
from ticker.ticks import CHANNELS

SYMBOLS = ["AAA", "BBB", "CCC", "DDD"]
UNIVERSE = Universe(Instrument(symbol, symbol, "Sector", 2, 1, 1, 1000) for symbol in SYMBOLS)
TERMS = Terms(UNIVERSE, 100, window_max=64, rate_hz=10.0, rate_max_hz=100.0)
TWO = Permit("two", 0b0011, ("quotes", "trades"))
Table = dict[str, list[str]]


def granted(table: Table, permit: Permit) -> tuple[Table, tuple[list[str], list[str]] | None]:
    """Return what is granted of a table, and the symbols and channels that are refused."""
    asked, _ = resolve_table(table, TERMS)
    interest, refusal = permitted(table, asked, permit, UNIVERSE)
    found = {c: [SYMBOLS[i] for i in interest.indices(c)] for c in CHANNELS if interest.mask(c)}
    if refusal is None:
        return found, None
    assert refusal.code == "forbidden"
    return found, (refusal.details.get("symbols", []), refusal.details["channels"])


@pytest.mark.parametrize(
    ("table", "had", "refused"),
    [
        ({"trades": ["AAA"]}, {"trades": ["AAA"]}, None),
        ({"trades": ["AAA", "BBB"], "quotes": ["BBB"]}, {"trades": ["AAA", "BBB"], "quotes": ["BBB"]}, None),
        ({"trades": ["CCC"]}, {}, (["CCC"], ["trades"])),
        ({"trades": ["AAA", "CCC", "DDD"]}, {"trades": ["AAA"]}, (["CCC", "DDD"], ["trades"])),
        ({"trades": ["AAA"], "stats": ["AAA"]}, {"trades": ["AAA"]}, (["AAA"], ["stats"])),
        ({"trades": ["*"]}, {"trades": ["AAA", "BBB"]}, None),
        ({"stats": ["*"]}, {}, ([], ["stats"])),
        ({"trades": ["*"], "stats": ["*"]}, {"trades": ["AAA", "BBB"]}, ([], ["stats"])),
        ({"trades": ["*", "CCC"]}, {"trades": ["AAA", "BBB"]}, None),
        ({"trades": ["ZZZ"]}, {}, None),
    ],
)
def test_what_is_named_is_refused_by_name_and_what_is_not_is_cut(
    table: Table, had: Table, refused: tuple[list[str], list[str]] | None
) -> None:
    spelled = {channel: had[channel] for channel in CHANNELS if channel in had}
    assert granted(table, TWO) == (spelled, refused)


def test_where_nobody_is_asked_everything_may_be_had() -> None:
    asked = Interest.of(CHANNELS, 0b1111)
    assert permitted(dict.fromkeys(CHANNELS, SYMBOLS), asked, OPEN, UNIVERSE) == (asked, None)
    assert OPEN.is_everything and OPEN.has(3, "stats") and OPEN.is_all_of(0b1111, UNIVERSE)


def test_one_who_may_have_nothing_is_refused_everything() -> None:
    nobody = Permit("nobody", 0, ())
    assert granted({"trades": ["*"]}, nobody) == ({}, ([], ["trades"]))
    assert granted({"trades": ["AAA"]}, nobody) == ({}, (["AAA"], ["trades"]))
    assert not nobody.has(0) and not nobody.is_all_of(0, UNIVERSE)


def test_every_symbol_on_some_channels_and_some_symbols_on_every_channel() -> None:
    channels, symbols = Permit("c", None, ("trades",)), Permit("s", 0b0100)
    assert channels.within(Interest.of(CHANNELS, 0b1010)) == Interest.of(["trades"], 0b1010)
    assert symbols.within(Interest.of(CHANNELS, 0b1110)) == Interest.of(CHANNELS, 0b0100)
    assert channels.has(3, "trades") and not channels.has(3, "stats")
    assert symbols.has(2) and not symbols.has(1)


def test_no_more_than_twenty_names_are_said() -> None:
    many = Universe(Instrument(f"S{k}", "", "", 2, 1, 1, 1000) for k in range(100))
    names = [f"S{k}" for k in range(100)]
    _, refusal = permitted({"trades": names}, Interest.of(["trades"], (1 << 100) - 1), Permit("n", 0), many)
    assert refusal and len(refusal.details["symbols"]) == 20 and refusal.details["count"] == 100


def test_a_permit_shows_no_token() -> None:
    assert "digest" not in repr(Permit("a", source=b"digest"))
