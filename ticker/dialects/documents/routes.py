"""Every path of the server: what it is asked with, what it answers, how it refuses. One line of prose each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from ticker.session import controls
from ticker.session import requests as http

JSON, HTML, TEXT, EVENTS = "application/json", "text/html", "text/plain", "text/event-stream"
BYTES = "application/octet-stream"
ASKED_WRONG = ("bad_request",)
SELECTED_WRONG = ("bad_request", "too_many_symbols", "unknown_channel", "unknown_symbol")
PLACED_WRONG = ("bad_position", "gone")
ADMIN_WRONG = ("bad_request", "forbidden")
POSTED_WRONG = ("bad_json", *ADMIN_WRONG, "unsupported_media_type", "too_large")
UPGRADED_WRONG = ("bad_request", "upgrade_required", "unavailable")

TAGS = {
    "ticks": "What happens, as it happens or a little later.",
    "instruments": "What is traded.",
    "operation": "Whether the server is well.",
    "about": "What the server says about itself.",
}
ADMIN = "admin"
ADMIN_TAG = {ADMIN: "Hold the clock, cause incidents, take checkpoints: for whoever runs the server."}


@dataclass(frozen=True, slots=True)
class Route:
    """A path: `answers` maps a media type to the type of its document, None where it is no document of ours."""

    name: str
    tag: str
    summary: str
    answer: str
    answers: Mapping[str, type[Struct] | None] = field(default_factory=dict)
    query: type[http.Query] = http.NoQuery
    codes: tuple[str, ...] = ASKED_WRONG
    more: str = ""
    kept: bool = False
    upgrades: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    body: type[Struct] | None = None

    def path_parameters(self) -> list[dict[str, Any]]:
        """Return the parameters that stand in the path."""
        return [
            {"name": name, "in": "path", "required": True, "description": text, "schema": {"type": "string"}}
            for name, text in self.names.items()
        ]


ROUTES: dict[str, Route] = {
    "/": Route(
        "readRoot",
        "about",
        "The page, or what a program should know",
        "The page for browsers; a description for those who accept `application/json`.",
        {JSON: http.ServiceAnswer, HTML: None},
        more="Only the page has an ETag.",
        kept=True,
    ),
    "/docs": Route("readDocs", "about", "These documents, for people", "A page.", {HTML: None}, kept=True),
    "/asyncapi.json": Route(
        "readAsyncapi",
        "about",
        "The conversation over WebSocket, as AsyncAPI 3",
        "A document.",
        {JSON: None},
        kept=True,
    ),
    "/openapi.json": Route("readOpenapi", "about", "This document", "A document.", {JSON: None}, kept=True),
    "/hello": Route(
        "sayHello",
        "about",
        "The first server of every WebSocket lesson",
        "",
        codes=UPGRADED_WRONG,
        more="Once upgraded, it logs what it is sent and answers `Thanks`.",
        upgrades=True,
    ),
    "/v1/stream": Route(
        "openStream",
        "ticks",
        "The WebSocket",
        "",
        query=http.StreamQuery,
        codes=UPGRADED_WRONG,
        more="Both ends talk at any time: `/asyncapi.json` says what.",
        upgrades=True,
    ),
    "/v1/sse": Route(
        "readEvents",
        "ticks",
        "Server-sent events",
        "Events, for as long as you read. Comments are signs of life.",
        {EVENTS: None},
        http.EventsQuery,
        (*SELECTED_WRONG, *PLACED_WRONG, "unavailable"),
        "An event's `id` is its position. A browser's EventSource comes back with it by itself; where the tape no "
        "longer reaches back that far, the first event is then a `recovered` that names the gap, and snapshots follow.",
        headers={"Last-Event-ID": "The position to go on after; it goes before `from`."},
    ),
    "/v1/ticks": Route(
        "pollTicks",
        "ticks",
        "What came after a position: short poll, or long poll with `wait`",
        "Messages, oldest first, and the position for the next poll; without `since`, where the tape stands.",
        {JSON: http.TicksAnswer},
        http.TicksQuery,
        (*SELECTED_WRONG, *PLACED_WRONG),
        "An answer looks through a limited stretch of tape: `batches` may be empty while the position moves on.",
    ),
    "/v1/snapshot": Route(
        "readSnapshot",
        "ticks",
        "The newest tick of each symbol and channel",
        "Ticks, of a book all its levels, and the position they are true at.",
        {JSON: http.SnapshotAnswer},
        http.SelectQuery,
        SELECTED_WRONG,
    ),
    "/v1/bars": Route(
        "readBars",
        "ticks",
        "Finished bars of one instrument",
        "Bars, oldest first; the ETag changes when one more is finished.",
        {JSON: http.BarsAnswer},
        http.BarsQuery,
        ("bad_request", "unknown_symbol"),
        kept=True,
    ),
    "/v1/instruments": Route(
        "listInstruments",
        "instruments",
        "All that is traded",
        "Instruments, in the order of the universe.",
        {JSON: http.InstrumentsAnswer},
        kept=True,
    ),
    "/v1/instruments/{symbol}": Route(
        "readInstrument",
        "instruments",
        "One instrument",
        "The instrument.",
        {JSON: http.InstrumentAnswer},
        codes=("bad_request", "unknown_symbol"),
        kept=True,
        names={"symbol": "What it is called by."},
    ),
    "/healthz": Route("checkHealth", "operation", "Whether the process answers", "It does.", {JSON: http.HealthAnswer}),
    "/readyz": Route(
        "checkReadiness",
        "operation",
        "Whether there is a market to read",
        "There is.",
        {JSON: http.ReadyAnswer},
        codes=("bad_request", "unavailable"),
    ),
    "/metrics": Route(
        "readMetrics", "operation", "Counters and gauges", "Text for Prometheus, version 0.0.4.", {TEXT: None}
    ),
}


ADMIN_GETS: dict[str, Route] = {
    "/admin/state": Route(
        "readState",
        ADMIN,
        "Where the market is, and how its time passes",
        "It does so now.",
        {JSON: controls.StateAnswer},
        codes=ADMIN_WRONG,
    ),
    "/admin/incidents": Route(
        "readScenario",
        ADMIN,
        "All that happens, as a scenario",
        "A scenario: saved to a file whose name ends in `.json`, it is one for `market.scenario`.",
        {JSON: controls.ScenarioAnswer},
        codes=ADMIN_WRONG,
    ),
}


def _post(name: str, summary: str, answer: str, body: type[Struct], *codes: str, more: str = "") -> Route:
    answers = {JSON: controls.StateAnswer}
    return Route(name, ADMIN, summary, answer, answers, body=body, codes=(*POSTED_WRONG, *codes), more=more)


ADMIN_POSTS: dict[str, Route] = {
    "/admin/pause": _post("pause", "Stand still", "It does; all that was made is handed out.", controls.NoWish),
    "/admin/resume": _post("resume", "Go on", "It does.", controls.NoWish, "unavailable"),
    "/admin/speed": _post("setSpeed", "Have market time pass faster or slower", "It does.", controls.SpeedWish),
    "/admin/step": _post(
        "step",
        "Take steps while standing still",
        "They have been taken.",
        controls.StepWish,
        "unavailable",
        more="Who hangs up before the answer gives up the steps that are still to be taken.",
    ),
    "/admin/run": _post(
        "runUntil",
        "Go on, and stand still at a position or a market time",
        "It is on its way; `paused` is true once it is there.",
        controls.RunWish,
        "bad_position",
        "unavailable",
    ),
    "/admin/incidents": Route(
        "cause",
        ADMIN,
        "Have something happen",
        "It is going to.",
        {JSON: controls.CauseAnswer},
        body=controls.IncidentWish,
        codes=(*POSTED_WRONG, "unknown_symbol"),
    ),
    "/admin/checkpoint": Route(
        "takeCheckpoint",
        ADMIN,
        "All that a server needs to go on from here",
        "A file for `market.checkpoint`, with the finished bars.",
        {BYTES: None},
        body=controls.NoWish,
        codes=(*POSTED_WRONG, "unavailable"),
    ),
}
