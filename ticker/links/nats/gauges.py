"""What is counted of a tape that comes from NATS, or goes there."""

from collections.abc import Callable

from ticker.links.nats.backlog import Backlog
from ticker.links.nats.follower import Follower
from ticker.links.nats.link import Link
from ticker.metrics import Metrics


def following(metrics: Metrics, link: Link, follower: Follower) -> None:
    """Show what whoever follows counts."""
    gauge = metrics.gauge
    gauge("source_connects", "Conversations with NATS that have come about.", lambda: link.connects)
    gauge("source_connected", "Whether there is one now.", lambda: not link.reason)
    gauge("source_consumers_remade", "Consumers that were given up and made anew.", lambda: follower.restarts)
    gauge("source_refused", "Messages of the stream that were no good.", follower.refused.total)
    gauge("source_repeated", "Messages of the stream that had been played already.", lambda: follower.repeated)
    gauge("source_leaps", "Holes in the tape that readers were told of.", lambda: follower.leaps)
    gauge("source_stream_seq", "Number of the last message of the stream that was dealt with.", lambda: follower.at)


def leading(metrics: Metrics, backlog: Callable[[], Backlog | None], unacked: Callable[[], int]) -> None:
    """Show what whoever may lead counts."""
    gauge = metrics.gauge

    def of(field: Callable[[Backlog], int]) -> Callable[[], float]:
        return lambda: field(known) if (known := backlog()) else 0

    gauge("source_unacked", "Messages that NATS has not acknowledged yet.", unacked)
    gauge("source_backlog_messages", "Messages that wait for NATS.", of(lambda known: known.waiting))
    gauge("source_backlog_bytes", "Bytes that NATS has not acknowledged yet.", of(lambda known: known.bytes_waiting))
    gauge("source_steps_lost", "Steps that waited for NATS for too long.", of(lambda known: known.dropped))
