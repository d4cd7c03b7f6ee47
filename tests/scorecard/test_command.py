"""`ticker scorecard` as it is run: on a market, on files, into a page; and what it refuses."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import orjson
import pytest

from synthetic import naive_walk, plain, plain_market
from ticker import cli, universes
from ticker.config import MarketConfig
from ticker.errors import SetupError
from ticker.market.market import Market
from ticker.scorecard import command, tables, words
from ticker.scorecard.checks import MICRO
from ticker.scorecard.command import Options, measured, read_macro, run, seeds
from ticker.scorecard.daily import Macro, daily_facts, judge_daily
from ticker.scorecard.figures import figures
from ticker.scorecard.report import Report

SMALL = plain(instruments=4, step_ms=2000)
QUARTER_H = 0.25


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    out = capsys.readouterr().out
    assert max(len(line.rstrip()) for line in out.splitlines()) <= 80
    return " ".join(out.split())


def test_a_plain_walk_misses_the_bar_and_everything_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, file = tmp_path / "card.html", tmp_path / "card.json"
    assert run(SMALL, Options(seeds=(7, 8), hours=QUARTER_H, html=page, json=file)) == 1
    out = printed(capsys)
    assert all(check.name in out for check in MICRO)
    assert "seed 7: 4 instruments, 0.25 h" in out and "seed 8" in out
    assert "FAIL" in out and "pass" in out and "not in data" in out
    assert "The real values are thin" in out
    assert "The bar of market.md is missed" in out
    check_json(file.read_bytes())
    check_page(page.read_bytes())


def check_json(document: bytes) -> None:
    found = orjson.loads(document)
    assert not found["ok"] and found["misses"] and len(found["warnings"]) == 3
    assert [one["name"] for one in found["runs"]] == ["seed 7", "seed 8"]
    for one in found["runs"]:
        assert len(one["micro"]) == 31
        assert one["known"] == 27 and "duration CV" in one["bold_failures"]
        broken = [row["name"] for row in one["engineering"] if not row["passed"]]
        assert broken == ["same path among fewer"], "the plain walk draws for all instruments at once"
        absent = [row for row in one["micro"] if row["instruments"] == 0]
        assert len(absent) == 4
        assert all(row["median"] is None and not row["passed"] and not row["strict"] for row in absent)


def check_page(document: bytes) -> None:
    root = ElementTree.fromstring(document.partition(b"\n")[2])
    assert document.startswith(b"<!doctype html>\n")
    assert {heading.text for heading in root.iter("th")} >= {check.name for check in MICRO}
    assert not {"script", "link", "img", "iframe", "object"} & {element.tag for element in root.iter()}
    assert not {"src", "href", "style"} & {name for element in root.iter() for name in element.attrib}
    assert not re.search(rb"https?:|url\(|@import", document)
    assert b"The real values are thin" in document
    assert len(list(root.iter("figure"))) == 5, "a quarter of an hour is too short for the distribution of minutes"


def test_a_whole_day_has_every_picture() -> None:
    walks = [naive_walk(seed) for seed in range(4)]
    titles = [figure.title for figure in figures(measured("walks", walks))]
    assert len(titles) == 8
    for wanted in ("Gaussian", "tail", "Memory of returns", "signs", "day", "Signature", "Eigenvalues", "Epps"):
        assert any(wanted in title for title in titles), wanted


def test_the_same_market_gives_the_same_card(tmp_path: Path) -> None:
    one, two = tmp_path / "1.json", tmp_path / "2.json"
    for file in (one, two):
        run(SMALL, Options(hours=0.1, json=file))
    assert one.read_bytes() == two.read_bytes()


def tape_of(seconds: int) -> str:
    """Return what `ticker watch --json` would print of a market."""
    market, lines = plain_market(instruments=2, step_ms=2000), []
    symbols = [one.symbol for one in market.universe]
    for _ in range(seconds // 2):
        rows = market.step().rows
        for row in rows["quotes"]:
            values = {"bid": row["bid_ticks"] / 100, "bsz": row["bid_size"], "ask": row["ask_ticks"] / 100}
            lines.append({"ch": "quote", "n": row["n"], "asz": row["ask_size"], "row": row, **values})
        for row in rows["trades"]:
            side = "sell" if row["side"] else "buy"
            values = {"px": row["price_ticks"] / 100, "sz": row["size"], "side": side}
            lines.append({"ch": "trade", "n": row["n"], "row": row, **values})
    for line in lines:
        row = line.pop("row")
        line |= {"sym": symbols[row["instrument"]], "t": row["t"]}
    return "".join(orjson.dumps(line, option=orjson.OPT_SERIALIZE_NUMPY).decode() + "\n" for line in lines)


def test_a_tape_is_judged_like_the_market_it_came_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tape, of_tape, of_market = tmp_path / "tape.jsonl", tmp_path / "tape.json", tmp_path / "market.json"
    tape.write_text(tape_of(900))
    assert run(SMALL, Options(tape=tape, json=of_tape)) == 1
    assert run(plain(instruments=2, step_ms=2000), Options(hours=QUARTER_H, json=of_market)) == 1
    assert "tape.jsonl: 2 instruments" in printed(capsys)
    first, second = (orjson.loads(file.read_bytes())["runs"][0] for file in (of_tape, of_market))
    assert (first["trades"], first["quotes"]) == (second["trades"], second["quotes"])
    for one, other in zip(first["micro"], second["micro"], strict=True):
        if one["name"] in ("duration CV", "sd of log size", "P(up | imbalance>.5)", "quotes per trade"):
            assert one["median"] == pytest.approx(other["median"], rel=1e-6), one["name"]


def test_a_csv_of_trades_alone_passes_nothing_that_it_cannot_show(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, found = tmp_path / "trades.csv", tmp_path / "found.json"
    walk = naive_walk(1, 3600.0)
    rows = zip(walk.trade_s + 50_000, walk.price_ticks / 100, walk.size, strict=True)
    file.write_text("time,price,size\n" + "".join(f"{t:.6f},{p:.2f},{s}\n" for t, p, s in rows))
    assert run(SMALL, Options(csv=file, hours=0.5, json=found)) == 1
    row = {row["name"]: row for row in orjson.loads(found.read_bytes())["runs"][0]["micro"]}
    assert row["duration CV"]["instruments"] == 1
    for check in MICRO:
        if check.quoted or check.name.startswith("trade-sign"):
            assert row[check.name]["instruments"] == 0 and not row[check.name]["passed"]
    assert "trades at the touch - 0 broken not in data" in printed(capsys)
    assert orjson.loads(found.read_bytes())["runs"][0]["hours"] == 0.5


def macro() -> dict[str, np.ndarray]:
    dice = np.random.default_rng(1)
    returns = 0.02 * dice.standard_normal((600, 5))
    index = returns.mean(axis=1)
    return {"returns": returns, "index": index, "index_rv": index**2 + 1e-9, "index_session": index}


def test_macro_runs_are_judged_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, card = tmp_path / "macro.npz", tmp_path / "card.json"
    np.savez(file, **macro())
    assert run(SMALL, Options(hours=0.1, daily=(file, file), json=card)) == 1
    assert "mean correlation" in printed(capsys)
    daily = {row["name"]: row for row in orjson.loads(card.read_bytes())["daily"]}
    assert len(daily) == 21 and len(daily["skewness, stocks"]["values"]) == 2
    assert daily["skewness, stocks"]["passed"] and not daily["mean correlation"]["passed"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"index": np.zeros((3, 3))}, "index: finite numbers are needed, one a day"),
        ({"returns": np.zeros((5, 3))}, "returns: finite .* of as many days"),
        ({"returns": np.zeros((600, 0))}, "returns: finite"),
        ({"index": np.array(3.0)}, "index: finite"),
        ({"index_rv": np.full(600, np.nan)}, "index_rv: finite .* as many"),
        ({"index_rv": np.array(["x"] * 600)}, "not an .npz file of numbers"),
    ],
)
def test_a_wrong_macro_file_is_told(tmp_path: Path, change: dict[str, np.ndarray], sentence: str) -> None:
    file = tmp_path / "macro.npz"
    np.savez(file, **{**macro(), **change})
    with pytest.raises(SetupError, match=sentence):
        read_macro(file)


def test_what_is_no_macro_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    np.savez(tmp_path / "less.npz", index=np.zeros(3))
    for name, sentence in (("nothing", "no such file"), ("text", "not an .npz file"), ("less.npz", "returns")):
        with pytest.raises(SetupError, match=f"--daily: .*{sentence}"):
            read_macro(tmp_path / name)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (Options(tape=Path("a"), csv=Path("b")), "--tape and --csv: one of them at a time"),
        (Options(hours=0), "--hours: more than 0 and at most 24, not 0"),
        (Options(hours=float("nan")), "--hours: more than 0 and at most 24, not nan"),
        (Options(days=504), "--days: at least 504, of a simulated market whose model is realistic"),
        (Options(html=Path("/nowhere/x.html")), "--html: /nowhere/x.html: there is no such folder"),
        (Options(json=Path("/")), "--json: /: is a folder"),
        (Options(csv=Path("/nowhere.csv")), "/nowhere.csv: no such file or directory"),
    ],
)
def test_what_cannot_be_is_told_before_anything_runs(options: Options, sentence: str) -> None:
    with pytest.raises(SetupError, match=re.escape(sentence)):
        run(SMALL, options)


@pytest.mark.parametrize("text", ["", "1,,2", "x", "-1", "1.5", str(2**63)])
def test_wrong_seeds_are_told(text: str) -> None:
    with pytest.raises(SetupError, match="--seeds: whole numbers"):
        seeds(text)


def test_years_of_a_market_are_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "DAYS_MIN", 260)
    card = tmp_path / "card.json"
    realistic = MarketConfig(instruments=4, step_ms=10_000)
    run(realistic, Options(hours=0.05, days=260, json=card))
    daily = {row["name"]: row["values"] for row in orjson.loads(card.read_bytes())["daily"]}
    assert len(daily) == 21 and all(len(values) == 1 for values in daily.values())
    assert daily["ACF(1) of |r|"][0] > 0.05 and daily["mean correlation"][0] > 0.1
    printed(capsys)
    for options in (Options(days=10), Options(days=260, csv=card)):
        with pytest.raises(SetupError, match="--days: at least 260"):
            run(realistic, options)


def test_the_command_line_reaches_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = tmp_path / "card.json"
    arguments = ["--instruments", "3", "--step-ms", "2000", "--seeds", "4, 5", "--hours", "0.02", "--json", str(card)]
    assert cli.run(["scorecard", *arguments]) == 1
    assert [one["name"] for one in orjson.loads(card.read_bytes())["runs"]] == ["seed 4", "seed 5"]
    capsys.readouterr()
    assert cli.run(["scorecard", "--seed", "x"]) == 2
    assert capsys.readouterr().err.startswith("ticker: --market.seed")


def test_an_interrupt_ends_in_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_market: Market) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Market, "step", interrupted)
    assert cli.run(["scorecard", "--instruments", "2"]) == 130
    assert capsys.readouterr().err == "ticker: interrupted before anything was measured\n"


def test_daily_rows_of_several_runs_fit_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [daily_facts(Macro(**macro()))] * 5
    report = Report("walks", simulated=True, runs=(measured("walk", [naive_walk(1)]),), daily=judge_daily(runs))
    tables.show(report)
    printed(capsys)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1234, "0.12"), (-0.001, "0.00"), (12.34, "12.3"), (1234.5, "1234"), (float("nan"), "-"), (float("inf"), "∞")],
)
def test_numbers_are_spelled_with_three_digits_that_count(value: float, text: str) -> None:
    assert words.number(value) == text


def test_of_a_large_universe_some_of_every_sector_are_run():
    whole = universes.load(MarketConfig(universe="large"))
    some = command.universe_of(MarketConfig(universe="large"))
    assert len(some) == command.INSTRUMENTS
    assert {one.sector for one in some} == {one.sector for one in whole}
    assert (some.hours, some.start) == (whole.hours, whole.start)
    assert list(command.universe_of(MarketConfig(universe="large", instruments=7))) == list(whole)[:7]
