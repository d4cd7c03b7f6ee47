"""What servers say, made short, and a client's session that has heard some of it."""

from typing import Any

from ticker.dialects import native
from ticker.session.client import ClientSession
from ticker.session.messages import Lag, Quote, Snapshot, Tick, Ticks, Trade, Welcome


def welcome(epoch: str = "tape", seq: int = 0, **known: Any) -> Welcome:
    """Return the first message of a server; what is not `known` does not matter."""
    plain = {
        "server": "ticker",
        "version": "1",
        "protocol": native.SUBPROTOCOL,
        "step_ms": 10,
        "seed": 1,
        "instruments": 3,
        "limits": {},
        "heartbeat_s": 10,
        "auth_required": False,
    }
    return Welcome(epoch=epoch, seq=seq, **{**plain, **known})


def trade(n: int, sym: str = "AAA") -> Tick:
    return Trade(sym=sym, n=n, t=0, px=1.0, sz=100, side="buy")


def quote(n: int, sym: str = "AAA") -> Tick:
    return Quote(sym=sym, n=n, t=0, bid=1.0, bsz=1, ask=1.01, asz=1)


def ticks(seq: int, *data: Tick) -> Ticks:
    return Ticks(seq=seq, ts=0, data=list(data))


def snapshot(seq: int, *data: Tick) -> Snapshot:
    return Snapshot(seq=seq, channel=data[0].channel, data=list(data))


def lag(dropped: int) -> Lag:
    return Lag(from_=0, to=9, dropped=dropped, conflated=0, reason="slow_reader")


def following(*data: Tick) -> ClientSession:
    """Return a session that is welcome and has had these ticks, in one message each."""
    session = ClientSession(ack_every=1000)
    session.receive(welcome())
    for seq, tick in enumerate(data, 1):
        session.receive(ticks(seq, tick))
    return session


def faults(session: ClientSession) -> tuple[int, int, int]:
    return session.missed, session.repeated, session.reordered
