"""TLS before a server that speaks none, with a certificate made for it; it remembers what requests said."""

import asyncio
import ssl
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Self


def certificate(folder: Path) -> tuple[Path, Path]:
    """Return a self-signed certificate for 127.0.0.1 and its key, as PEM files."""
    signed, key = folder / "signed.pem", folder / "key.pem"
    command = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    names = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2")
    subprocess.run([*command, "-keyout", str(key), "-out", str(signed), *names], check=True, capture_output=True)
    return signed, key


class TlsFront:
    """Between clients that speak TLS and the server on `target`; `heads` are the first requests of connections."""

    def __init__(self, target: int, signed: Path, key: Path) -> None:
        self.heads: list[str] = []
        self._target = target
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(signed, key)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._pair, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _pair(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, to_them = await asyncio.open_connection("127.0.0.1", self._target)
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head.decode())
            to_them.write(head)
            await asyncio.gather(_pass_on(reader, to_them), _pass_on(theirs, writer))
        for end in (writer, to_them):
            end.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.close()
