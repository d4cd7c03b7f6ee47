"""TLS before a server that speaks none: a certificate of its own for 127.0.0.1, and the heads of what came through."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

HEAD_END = b"\r\n\r\n"


@dataclass
class Front:
    """What answers at `port`, and whoever trusts `cafile` believes it."""

    port: int
    cafile: Path
    heads: list[str] = field(default_factory=list)
    """The head of the first request of each connection."""


def certificate(folder: Path) -> tuple[Path, Path]:
    """Return the files of a new self-signed certificate for 127.0.0.1 and of its key."""
    found, key = folder / "certificate.pem", folder / "key.pem"
    made = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    about = ("-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    subprocess.run([*made, *about, "-keyout", key, "-out", found], check=True, capture_output=True)
    return found, key


@asynccontextmanager
async def tls_front(target: int, folder: Path) -> AsyncIterator[Front]:
    """Pass what comes over TLS on to a port of this machine, for as long as the block."""
    found, key = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(found, key)
    under_way: set[asyncio.Task[None]] = set()

    async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(1 << 16):
                sink.write(data)
                await sink.drain()
        except OSError:
            pass  # either side may hang up
        finally:
            sink.close()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        under_way.add(task := asyncio.current_task())  # type: ignore[arg-type]
        task.add_done_callback(under_way.discard)
        head = await reader.readuntil(HEAD_END)
        front.heads.append(head.decode())
        back, forth = await asyncio.open_connection("127.0.0.1", target)
        forth.write(head)
        await asyncio.gather(carry(reader, forth), carry(back, writer))

    server = await asyncio.start_server(converse, "127.0.0.1", 0, ssl=context)
    front = Front(server.sockets[0].getsockname()[1], found)
    try:
        yield front
    finally:
        server.close()
        for task in tuple(under_way):
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
