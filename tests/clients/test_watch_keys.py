"""The keyboard of `ticker watch`: bytes into keys, and what a key does to what is looked at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticker_watch.keys import Keys
from ticker_watch.view import ORDERS, Deed, View

SYMBOLS = ["ACME", "BANK", "BYTE", "CAVE", "DUNE", "ECHO"]
PAGE = 3


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"q", ["q"]),
        (b"jk/S?", ["j", "k", "/", "S", "?"]),
        (b"\x1b[A\x1b[B\x1b[C\x1b[D", ["up", "down", "right", "left"]),
        (b"\x1bOA\x1bOB", ["up", "down"]),
        (b"\x1b[1;5A", ["up"]),
        (b"\x1b[5~\x1b[6~", ["pageup", "pagedown"]),
        (b"\x1b[H\x1b[F\x1b[1~\x1b[4~\x1b[7~\x1b[8~", ["home", "end"] * 3),
        (b"\r\n", ["enter", "enter"]),
        (b"\x7f\x08\x15\x0c", ["backspace", "backspace", "clear", "redraw"]),
        (b"\x1bx", ["escape", "x"]),
        (b"\x1b\x1b[A", ["escape", "up"]),
        (b"\x1b[99~\x1b[Zq\x01", ["q"]),
        ("é".encode(), ["é"]),
    ],
)
def test_bytes_are_keys(data: bytes, keys: list[str]) -> None:
    assert Keys().take(data) == keys


@given(st.lists(st.sampled_from([b"q", b"\x1b[A", b"\x1bOB", b"\x1b[5~", b"\r", "ü".encode()]), max_size=8), st.data())
def test_it_does_not_matter_how_bytes_are_cut(pieces: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(pieces)
    keys, cut = Keys(), Keys()
    found: list[str] = []
    left = whole
    while left:
        size = data.draw(st.integers(1, len(left)))
        found += cut.take(left[:size])
        left = left[size:]
    assert found == keys.take(whole)
    assert not cut.unfinished


def test_an_escape_is_a_key_once_nothing_follows_it() -> None:
    keys = Keys()
    assert keys.take(b"\x1b") == []
    assert keys.unfinished
    assert keys.flush() == ["escape"]
    assert not keys.unfinished
    assert keys.take(b"\x1b[") == []
    assert keys.flush() == []  # half a key is none


def pressed(view: View, *keys: str, listed: list[str] = SYMBOLS) -> Deed | None:
    deed = None
    for key in keys:
        deed = view.press(key, listed, PAGE)
    return deed


def test_a_row_is_chosen() -> None:
    view = View()
    assert view.place(SYMBOLS) == 0
    pressed(view, "j", "down")
    assert view.chosen == "BYTE"
    pressed(view, "k")
    assert view.chosen == "BANK"
    pressed(view, "G")
    assert view.chosen == "ECHO"
    pressed(view, "pageup")
    assert view.chosen == "BYTE"
    pressed(view, "down", "down", "down", "down", "down")
    assert view.chosen == "ECHO"
    pressed(view, "home")
    assert view.chosen is None  # whoever is first


def test_another_order_begins_at_the_top() -> None:
    for key in ("s", "S", "r"):
        view = View()
        view.scroll(SYMBOLS, PAGE)
        pressed(view, "G", key)
        assert view.chosen is None
        assert view.scroll(SYMBOLS, PAGE) == range(3)


def test_the_chosen_row_stays_chosen_wherever_it_goes() -> None:
    view = View()
    pressed(view, "j")
    assert view.place(SYMBOLS[::-1]) == 4
    assert view.place(["ACME"]) == 0


def test_the_chosen_row_is_in_sight() -> None:
    view = View()
    assert view.scroll(SYMBOLS, PAGE) == range(3)
    pressed(view, "j", "j", "j")
    assert view.scroll(SYMBOLS, PAGE) == range(1, 4)
    pressed(view, "k")
    assert view.scroll(SYMBOLS, PAGE) == range(1, 4)
    pressed(view, "home")
    assert view.scroll(SYMBOLS, PAGE) == range(3)
    pressed(view, "end")
    assert view.scroll(SYMBOLS, PAGE) == range(3, 6)
    assert view.scroll(SYMBOLS[:2], PAGE) == range(2)
    assert view.scroll([], PAGE) == range(0)


def test_the_order_is_changed_and_turned() -> None:
    view = View()
    seen = []
    for _ in ORDERS:
        pressed(view, "s")
        seen.append(view.order)
    assert seen == [*ORDERS[1:], ORDERS[0]]
    pressed(view, "S")
    assert view.reverse
    pressed(view, "r")
    assert not view.reverse
    pressed(view, "r", "s")
    assert not view.reverse  # another order begins as it is natural


def test_searching_takes_every_letter() -> None:
    view = View()
    assert pressed(view, "/", "q", "t", "left") is None
    assert (view.typing, view.search) == (True, "qt")
    pressed(view, "backspace")
    assert view.search == "q"
    pressed(view, "enter")
    assert (view.typing, view.search) == (False, "q")
    pressed(view, "escape")
    assert view.search == ""
    pressed(view, "/", "a", "escape")
    assert (view.typing, view.search) == (False, "")
    pressed(view, "/", "a", "clear", "b")
    assert view.search == "b"


def test_a_book_is_opened_and_left() -> None:
    view = View()
    pressed(view, "j", "enter")
    assert view.book == "BANK"
    pressed(view, "down")
    assert view.book == "BYTE"
    pressed(view, "s", "/")
    assert (view.order, view.typing) == ("symbol", False)  # those are the table's
    pressed(view, "escape")
    assert (view.book, view.chosen) == (None, "BYTE")


def test_a_book_at_the_top_stays_when_there_is_nothing_above() -> None:
    view = View()
    pressed(view, "enter", "up")
    assert (view.book, view.chosen) == ("ACME", "ACME")


def test_nothing_is_chosen_of_nothing() -> None:
    view = View()
    pressed(view, "j", "enter", listed=[])
    assert (view.chosen, view.book) == (None, None)


def test_escape_leaves_the_innermost() -> None:
    view = View(book="ACME", help=True, search="a")
    pressed(view, "escape")
    assert (view.help, view.book, view.search) == (False, "ACME", "a")
    pressed(view, "escape")
    assert (view.book, view.search) == (None, "a")
    pressed(view, "escape")
    assert view.search == ""


def test_what_is_beyond_the_picture_is_said() -> None:
    view = View()
    assert pressed(view, "q") is Deed.QUIT
    assert pressed(view, "t") is Deed.SWITCH
    assert pressed(view, "redraw") is Deed.REDRAW
    assert pressed(view, "p") is None and view.paused
    assert pressed(view, " ") is None and not view.paused
    assert pressed(view, "?") is None and view.help
    assert pressed(view, "x") is None
