"""The layout of packed messages (`ticker.wire.packed`), for people who write a client."""

from ticker.dialects.documents.schemas import table
from ticker.ticks import CHANNELS, DTYPES, REASONS, STATES

_FRAME = """\
As subprotocol `ticker.v1.packed` has `ticks` and `snapshot`. All numbers are little-endian. A head of 24 bytes is
followed by sections, one a channel at most; a section is a head of 8 bytes and its columns, each of them one field of
all rows, filled up with zeros to a multiple of 8 bytes, so that it can be read where it lies.

| byte | type | head |
|---|---|---|
| 0 | u8 | kind: 1 ticks, 2 snapshot |
| 1 | u8 | version: 1 |
| 2 | u16 | sections: how many follow |
| 4 | u32 | 0 |
| 8 | u64 | `seq` |
| 16 | i64 | `ts`; 0 in a snapshot |

| byte | type | section |
|---|---|---|
| 0 | u8 | channel: CODES |
| 1 | 3 bytes | 0 |
| 4 | u32 | rows: how many |

`instrument` is a place in the lists of `instruments`, `step` how many steps before `seq` the row happened. Prices are
in ticks: times `tick_sizes` they are money. `side` is 0 for buy or bid, 1 for sell or ask; `crc` is -1 where there is
none; `turnover` is the sum of price x size; `value_ppm` is in millionths; a 0 there, and beside it, stands for nothing.
`state` and `reason` count from 0 through STATES and REASONS."""


def _columns() -> str:
    """Return the columns of every channel as a table."""
    types = {"<i4": "i32", "<i8": "i64", "|i1": "i8", "|u1": "u8"}
    rows = [
        (
            f"`{channel}`",
            "`instrument` i32, `step` u32, "
            + ", ".join(f"`{name}` {types[dtype[name].str]}" for name in dtype.names or () if name != "instrument"),
        )
        for channel, dtype in DTYPES.items()
    ]
    return table(("channel", "columns, in this order"), rows)


def _frame() -> str:
    """Return what holds the columns, with every number spelled out."""
    codes = ", ".join(f"{code} {channel}" for code, channel in enumerate(CHANNELS, 1))
    states, reasons = (", ".join(f"`{word}`" for word in words) for words in (STATES, REASONS))
    return _FRAME.replace("CODES", codes).replace("STATES", states).replace("REASONS", reasons)


LAYOUT = f"{_frame()}\n\n{_columns()}"
