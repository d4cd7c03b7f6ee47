"""The key-value bucket of a tape: small values as they are, large ones compressed, in parts, by a pointer.

The parts of a large value lie in one of a few slots in turn, and the pointer, which names the slot, the parts and their
digest, is written last: whoever reads has the whole of one value or notices that it was overwritten meanwhile.
"""

import asyncio
import hashlib
import zlib
from collections.abc import Callable
from typing import Annotated

import msgspec

from ticker.links.nats.connection import Trouble
from ticker.links.nats.jetstream import EXPECTED_LAST_OF_SUBJECT, JetStream, Stored
from ticker.links.nats.names import Names

SLOTS = 3
PART_BYTES = 384 * 1024
PARTS_MAX = 16_384
HEADERS_BYTES = 4096
VALUE_BYTES_MAX = 1024 * 1024 * 1024
TRIES = 3

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One value of several that a pointer knows: that of step `seq` of the tape `epoch`, in a slot."""

    epoch: str
    seq: Count
    slot: Annotated[int, msgspec.Meta(ge=0, lt=SLOTS)]
    parts: Annotated[int, msgspec.Meta(ge=1, le=PARTS_MAX)]
    size: Annotated[int, msgspec.Meta(ge=0, le=VALUE_BYTES_MAX)]
    digest: str
    after: Count = 0
    """The last message of the stream by then: whatever comes after the step is among those behind it."""


class Pointer(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept under a name, newest first."""

    kept: Annotated[list[Kept], msgspec.Meta(max_length=SLOTS)] = []


class Bucket:
    """The bucket of one tape, over one connection."""

    def __init__(self, jetstream: JetStream, names: Names) -> None:
        self._jetstream = jetstream
        self._names = names

    async def get(self, key: str) -> Stored | None:
        """Return the newest of a key; its `seq` is the revision. None where there is none, or it was deleted."""
        found = await self._jetstream.last(self._names.bucket, self._names.key(key))
        return None if found is None or found.headers.get("KV-Operation") else found

    async def put(self, key: str, data: bytes) -> int:
        """Set a key; return the revision."""
        return await self._jetstream.put(self._names.key(key), data)

    async def swap(self, key: str, data: bytes, revision: int) -> int:
        """Set a key that nobody has set since a revision (0: ever). Raises Refused (wrong last sequence)."""
        headers = {EXPECTED_LAST_OF_SUBJECT: str(revision)}
        return await self._jetstream.put(self._names.key(key), data, headers)

    async def revision(self, key: str) -> int:
        """Return the revision of a key, deleted or not; 0 where it never was."""
        found = await self._jetstream.last(self._names.bucket, self._names.key(key))
        return found.seq if found else 0

    async def pointer(self, key: str) -> Pointer:
        """Return what is kept under a name; what cannot be read is nothing."""
        found = await self.get(key)
        try:
            return msgspec.json.decode(found.data, type=Pointer) if found else Pointer()
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Pointer()

    async def stow(self, key: str, epoch: str, seq: int, after: int, data: bytes) -> None:
        """Keep a large value besides the ones before it."""
        packed = await asyncio.to_thread(zlib.compress, data, 1)
        size = min(PART_BYTES, max(HEADERS_BYTES, self._jetstream.payload_bytes_max - HEADERS_BYTES))
        parts = [packed[at : at + size] for at in range(0, len(packed), size)]
        known = [one for one in (await self.pointer(key)).kept if one.epoch == epoch and one.seq < seq]
        slot = next(slot for slot in range(SLOTS) if slot not in {one.slot for one in known[: SLOTS - 1]})
        for number, part in enumerate(parts):
            await self.put(f"{key}.{slot}.{number}", part)
        digest = hashlib.sha256(packed).hexdigest()
        mine = Kept(epoch=epoch, seq=seq, slot=slot, parts=len(parts), size=len(data), digest=digest, after=after)
        await self.put(key, msgspec.json.encode(Pointer(kept=[mine, *known[: SLOTS - 1]])))

    async def fetch(self, key: str, fits: Callable[[Kept], bool]) -> tuple[Kept, bytes] | None:
        """Return the newest value that fits, None where there is none. Raises Trouble where it cannot be had whole."""
        for _ in range(TRIES):
            fitting = [one for one in (await self.pointer(key)).kept if fits(one)]
            for one in fitting:
                data = await self._whole(key, one)
                if data is not None:
                    return one, data
            if not fitting:
                return None
        raise Trouble(f"the {key} that is kept in NATS is not whole")

    async def _whole(self, key: str, kept: Kept) -> bytes | None:
        """Return a value, None where it is not there any more."""
        parts = []
        for number in range(kept.parts):
            part = await self.get(f"{key}.{kept.slot}.{number}")
            if part is None:
                return None
            parts.append(part.data)
        packed = b"".join(parts)
        if hashlib.sha256(packed).hexdigest() != kept.digest:
            return None
        return await asyncio.to_thread(_unpacked, packed, kept.size)


def _unpacked(packed: bytes, size: int) -> bytes | None:
    """Return what was compressed, None where it is not so many bytes: its writer is believed no further."""
    try:
        data = zlib.decompressobj().decompress(packed, size + 1)
    except zlib.error:
        return None
    return data if len(data) == size else None
