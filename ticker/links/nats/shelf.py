"""The stream and the bucket of a tape: made where they are missing, and looked at whether they are ours."""

from typing import Any

from ticker.config import NatsConfig
from ticker.errors import SetupError
from ticker.links.nats.bucket import PART_BYTES
from ticker.links.nats.jetstream import STREAM_EXISTS, JetStream, Refused, StreamState
from ticker.links.nats.names import Names

WINDOW_NS = 120 * 10**9  # in which JetStream knows a message again
LIMITS = ("max_age", "max_bytes")


async def ours(jetstream: JetStream, names: Names, config: NatsConfig) -> StreamState:
    """Return the stream's state. Raises Trouble, SetupError where what has its name is another's."""
    wanted = _stream(names, config)
    state = await jetstream.state(names.stream) or await _made(jetstream, names, wanted)
    if state.config.get("subjects") != wanted["subjects"]:
        raise SetupError(f"the stream {names.stream} of NATS is not ours: see nats.tape")
    if any(state.config.get(limit) != wanted[limit] for limit in LIMITS):
        await jetstream.update({**state.config, **{limit: wanted[limit] for limit in LIMITS}})
    bucket = await jetstream.state(names.bucket) or await _made(jetstream, names, _bucket(names, config))
    if bucket.config.get("subjects") != [names.key(">")]:
        raise SetupError(f"the bucket {names.bucket.removeprefix('KV_')} of NATS is not ours: see nats.tape")
    return state


async def _made(jetstream: JetStream, names: Names, config: dict[str, Any]) -> StreamState:
    try:
        return await jetstream.create(config)
    except Refused as error:
        if error.code != STREAM_EXISTS:
            raise
    found = await jetstream.state(config["name"])  # somebody else has made it meanwhile
    if found is None:
        raise SetupError(f"the stream {names.stream} of NATS cannot be made")
    return found


def _stream(names: Names, config: NatsConfig) -> dict[str, Any]:
    return {
        "name": names.stream,
        "description": "A tape of Ticker: its steps, and what was caused.",
        "subjects": [names.subjects],
        "retention": "limits",
        "discard": "old",
        "storage": config.storage,
        "num_replicas": config.replicas,
        "max_age": int(config.max_age_s * 1e9),
        "max_bytes": config.max_bytes,
        "max_msgs": -1,
        "max_consumers": -1,
        "duplicate_window": int(min(WINDOW_NS, config.max_age_s * 1e9)),
        "allow_direct": True,
    }


def _bucket(names: Names, config: NatsConfig) -> dict[str, Any]:
    """Return a key-value bucket as all of NATS's clients make them."""
    return {
        "name": names.bucket,
        "description": "A tape of Ticker: its label, who leads, and pictures to go on from.",
        "subjects": [names.key(">")],
        "retention": "limits",
        "discard": "new",
        "storage": config.storage,
        "num_replicas": config.replicas,
        "max_msgs_per_subject": 1,
        "max_bytes": -1,
        "max_msg_size": 2 * PART_BYTES,
        "duplicate_window": WINDOW_NS,
        "allow_rollup_hdrs": True,
        "deny_delete": True,
        "allow_direct": True,
    }
