"""Which column is what: known by name whoever wrote the file, never chosen where two could be meant."""

import pytest

from ticker.errors import ConfigError
from ticker.links.own_data_columns import NAMES, choose

FILES = {
    "ours": (
        "ch,sym,n,t,state,px,sz,bid,bsz,ask,asz,side,last,volume",
        {
            "type": "ch",
            "symbol": "sym",
            "time": "t",
            "price": "px",
            "size": "sz",
            "side": "side",
            "bid": "bid",
            "bid_size": "bsz",
            "ask": "ask",
            "ask_size": "asz",
        },
    ),
    "ours as Parquet": (
        "seq,ts,sym,n,t,px,sz,side",
        {"symbol": "sym", "time": "t", "price": "px", "size": "sz", "side": "side"},
    ),
    "plain": ("time,price,size", {"time": "time", "price": "price", "size": "size"}),
    "large letters": (
        "Timestamp,Ticker,Last,Volume",
        {"time": "Timestamp", "symbol": "Ticker", "price": "Last", "size": "Volume"},
    ),
    "camels": (
        "timestamp,bidPrice,bidSize,askPrice,askSize",
        {"time": "timestamp", "bid": "bidPrice", "bid_size": "bidSize", "ask": "askPrice", "ask_size": "askSize"},
    ),
    "one letter": ("t,s,p,v", {"time": "t", "symbol": "s", "price": "p", "size": "v"}),
    "one letter beside a word": ("t,ts,p,price", {"time": "ts", "price": "price"}),
    "a date apart": ("date,time,px,qty", {"date": "date", "time": "time", "price": "px", "size": "qty"}),
    "a date alone": ("Date,Price", {"time": "Date", "price": "Price"}),
    "dumps of trades": (
        "id,price,qty,quote_qty,time,is_buyer_maker",
        {"time": "time", "price": "price", "size": "qty", "maker": "is_buyer_maker"},
    ),
    "archives of quotes": (
        "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount",
        {
            "symbol": "symbol",
            "time": "timestamp",
            "bid": "bid_price",
            "bid_size": "bid_amount",
            "ask": "ask_price",
            "ask_size": "ask_amount",
        },
    ),
    "half a quote beside a price": ("time,price,bid,bid_size", {"time": "time", "price": "price"}),
    "sizes without a price": ("time,bid,ask,volume,side", {"time": "time", "bid": "bid", "ask": "ask"}),
}


@pytest.mark.parametrize(("header", "expected"), FILES.values(), ids=FILES)
def test_columns_are_known_by_their_names(header: str, expected: dict[str, str]) -> None:
    assert choose("file.csv", header.split(","), ()) == expected


def test_no_name_means_two_things() -> None:
    names = [name for known in NAMES.values() for name in known]
    assert len(names) == len(set(names))


def test_what_is_said_wins_over_what_would_be_guessed() -> None:
    header = ["when", "px", "last", "time", "note"]
    assert choose("f.csv", header, ["time=when", "price=last", "size=-"]) == {"time": "when", "price": "last"}
    assert choose("f.csv", ["time", "price", "size"], ["size=-"]) == {"time": "time", "price": "price"}


MISTAKES = {
    "two prices": ("time,px,last", (), "px and last could both be the price: say which, --replay.columns price=px"),
    "two times": ("time,timestamp,px", (), "time and timestamp could both be the time"),
    "no time": ("price,size", (), "f.csv: no column for the time (time, timestamp"),
    "no price": ("time,size", (), "no column for a price"),
    "half a quote": ("time,bid", (), "no column for a price"),
    "no such part": ("time,price", ("prise=price",), "replay.columns: prise=price: prise is none of"),
    "a slip": ("time,price", ("prise=price",), "did you mean price?"),
    "no such column": ("time,price", ("size=sz",), "replay.columns: size=sz: f.csv has time, price"),
    "twice": ("time,price,px", ("price=px", "price=price"), "price is there twice, as px and as price"),
    "two of one name": ("time,price,time", (), "two columns are called time"),
    "no header": ("1,2", (), "its first line does not name the columns: 1, 2"),
}


@pytest.mark.parametrize(("header", "said", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_told(header: str, said: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        choose("f.csv", header.split(","), said)
    assert sentence in str(caught.value)
