"""The pages at `/` and `/docs` and their files, read once at the start."""

from collections.abc import Iterable
from pathlib import Path

from ticker.endpoints.http import JSON, Handler, Request, Response, json_response
from ticker.endpoints.rest import REVALIDATE, Rest, tag
from ticker.session.requests import NoQuery

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
LIBRARY = "/vendor/lightweight-charts.js"  # of hatch_build.py; where there is none, an empty one asks for a plain chart
POLICY = "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class Page:
    """Serves the files of a folder; `/` is the page for browsers and a description for programs."""

    def __init__(self, folder: Path, rest: Rest, paths: Iterable[str]) -> None:
        self._rest = rest
        self._paths = sorted(["/", "/docs", *paths])
        self._files = {LIBRARY: _file(b"", ".js")} | {
            f"/{path.relative_to(folder).as_posix()}": _file(path.read_bytes(), path.suffix)
            for path in sorted(folder.rglob("*"))
            if path.suffix in TYPES
        }

    def handlers(self) -> dict[str, Handler]:
        return {"/": self.root, "/docs": self.docs, "/favicon.ico": self.icon, **dict.fromkeys(self._files, self.file)}

    def root(self, request: Request) -> Response:
        request.read(NoQuery)
        if JSON in request.header("accept"):
            return json_response(self._rest.describe(self._paths))
        return self._files["/index.html"]

    def docs(self, request: Request) -> Response:
        request.read(NoQuery)
        return self._files["/docs/index.html"]

    def icon(self, request: Request) -> Response:
        request.read(NoQuery)
        return self._files["/favicon.svg"]

    def file(self, request: Request) -> Response:
        request.read(NoQuery)
        return self._files[request.path]


def _file(body: bytes, suffix: str) -> Response:
    headers = {
        "Cache-Control": REVALIDATE,
        "ETag": tag(body),
        "Content-Security-Policy": POLICY,
        "Referrer-Policy": "same-origin",  # its address may have had a token in it
    }
    return Response(200, body, TYPES[suffix], headers)
