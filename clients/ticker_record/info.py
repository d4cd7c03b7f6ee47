"""`ticker info`: what is in a recording, read from its heads; and whether it is whole, by all its checksums."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ticker.links.recording import Recording
from ticker.links.reel_file import Kind
from ticker.ticks import CHANNELS
from ticker_record import words

GAPS_SHOWN = 20


def run(path: Path, *, as_json: bool, quick: bool) -> int:
    """Say what is in a recording; return 1 where it is damaged. Raises SetupError where it is none."""
    with Recording.open(path) as recording:
        if not quick:
            recording.records.check()
        found = facts(recording, checked=not quick)
    print(json.dumps(found, indent=2) if as_json else "\n".join(lines(found)))
    return 1 if any("damaged" in trouble for trouble in found["troubles"]) else 0


def facts(recording: Recording, *, checked: bool) -> dict[str, Any]:
    """Return all there is to say, as JSON has it."""
    label, records = recording.label, recording.records
    heads = records.heads[records.blocks]
    ticks = dict(zip(CHANNELS, heads["rows"].sum(axis=0, dtype=np.int64).tolist(), strict=True))
    total = sum(ticks.values())
    steps = int((heads["last"] - heads["first"] + 1).sum())
    reasons = records.reasons()
    return {
        "file": str(recording.path),
        "bytes": records.size,
        "epoch": label.epoch,
        "first": recording.first,
        "last": recording.last,
        "steps": steps,
        "step_ms": label.step_us / 1000,
        "time": _span(heads["t_first_us"], heads["t_last_us"]),
        "recorded": _span(records.heads["emitted_us"][records.heads["kind"] == Kind.KEYFRAME], heads["emitted_us"]),
        "universe": label.universe.name,
        "instruments": len(label.universe.instruments),
        "seed": label.seed,
        "speed": label.speed,
        "channels": list(recording.about.channels),
        "symbols": list(recording.about.symbols) if recording.about.symbols is not None else ["*"],
        "source": recording.about.source,
        "transport": recording.about.transport,
        "ticks": total,
        "ticks_by_channel": ticks,
        "bytes_a_tick": round(records.size / total, 2) if total else None,
        "keyframes": int((records.heads["kind"] == Kind.KEYFRAME).sum()),
        "gaps": [
            {"after": after, "up_to": until, "reason": reasons.get(after, "damaged")} for after, until in recording.gaps
        ],
        "closed": recording.closed,
        "checked": checked,
        "troubles": list(recording.troubles),
    }


def lines(found: dict[str, Any]) -> list[str]:
    """Return the same for people."""
    begun, ended = found["time"] or ["-", "-"]
    each = f", {found['bytes_a_tick']:.1f} bytes a tick" if found["ticks"] else ""
    channels = ", ".join(f"{channel} {count:,}" for channel, count in found["ticks_by_channel"].items() if count)
    heard = f" over {found['transport']}" if found["transport"] else ""
    symbols = found["symbols"]
    only = "" if symbols == ["*"] else f", only {' '.join(symbols[:10])}{' …' if len(symbols) > 10 else ''}"
    table = {
        "recording": f"{found['file']}, {words.size(found['bytes'])}{each}",
        "tape": f"{found['epoch']}:{found['first']} to {found['last']}, {words.plural(found['steps'], 'step')} of "
        f"{found['step_ms']:g} ms, seed {found['seed']}, {found['speed']:g} times as fast",
        "market": f"{found['universe']}, {words.plural(found['instruments'], 'instrument')}{only}",
        "time": f"{begun} to {ended}",
        "recorded": " to ".join(found["recorded"] or ["-"]),
        "from": (found["source"] or "a market in process") + heard,
        "ticks": f"{found['ticks']:,}: {channels}" if channels else "0",
        "keyframes": f"{found['keyframes']:,}",
        "gaps": _gaps(found["gaps"]),
        "state": _state(found),
    }
    return [f"{name:<10} {value}" for name, value in table.items()]


def _gaps(gaps: list[dict[str, Any]]) -> str:
    if not gaps:
        return "none"
    missing = sum(gap["up_to"] - gap["after"] for gap in gaps)
    shown = [f"{gap['after'] + 1} to {gap['up_to']} ({gap['reason']})" for gap in gaps[:GAPS_SHOWN]]
    more = [f"and {len(gaps) - GAPS_SHOWN} more"] if len(gaps) > GAPS_SHOWN else []
    return f"{len(gaps)}, {words.plural(missing, 'step')} missing: {', '.join(shown + more)}"


def _state(found: dict[str, Any]) -> str:
    closed = "closed" if found["closed"] else "not closed: a second may be missing at its end"
    checked = "every checksum is right" if found["checked"] else "checksums were not looked at"
    return "; ".join([closed, *(found["troubles"] or [checked])])


def _span(first: Any, last: Any) -> list[str] | None:
    return [words.moment(int(first[0])), words.moment(int(last[-1]))] if len(first) and len(last) else None
