"""Checkpoints as bytes: the state of a market between two steps, so written that damage and strangers are noticed.

The bytes are a line that names the format, a SHA-256 of the rest, and the rest: a table in MessagePack, in which arrays
are extensions of [dtype, shape, data]. Equal states make equal bytes.
"""

import hashlib
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ticker.errors import SetupError

MAGIC = b"ticker checkpoint 1\n"
_DIGEST_BYTES = 32
_ARRAY = 1


def pack(state: dict[str, Any]) -> bytes:
    """Return the bytes of a state made of numbers, text, bytes, arrays, lists and tables of these."""
    body = msgspec.msgpack.encode(state, enc_hook=_extension)
    return MAGIC + hashlib.sha256(body).digest() + body


def unpack(data: bytes) -> dict[str, Any]:
    """Return a state. Raises SetupError where the bytes are no checkpoint, or a damaged one."""
    if not data.startswith(MAGIC):
        raise SetupError("not a checkpoint of this version")
    digest, body = data[len(MAGIC) :][:_DIGEST_BYTES], data[len(MAGIC) + _DIGEST_BYTES :]
    if hashlib.sha256(body).digest() != digest:
        raise SetupError("a damaged checkpoint: it was cut off, or changed")
    try:
        return msgspec.msgpack.decode(body, type=dict[str, Any], ext_hook=_array)
    except (msgspec.DecodeError, ValueError, TypeError, SyntaxError, RecursionError):  # numpy reads dtypes as code
        raise SetupError("no checkpoint of ours, though its digest is right") from None


def _extension(value: object) -> msgspec.msgpack.Ext:
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{type(value).__name__} has no place in a checkpoint")
    kind = value.dtype.descr if value.dtype.names else value.dtype.str
    return msgspec.msgpack.Ext(_ARRAY, msgspec.msgpack.encode([kind, value.shape, value.tobytes()]))


def _array(_: int, data: memoryview) -> NDArray[Any]:
    kind, shape, content = msgspec.msgpack.decode(data)
    dtype = np.dtype(kind if isinstance(kind, str) else [tuple(field) for field in kind])
    return np.frombuffer(content, dtype).reshape(shape).copy()
