"""The page at `/` and its files, read once at the start."""

from hashlib import sha256
from pathlib import Path

from ticker.endpoints.http import Handler, Request, Response, json_response
from ticker.endpoints.rest import Rest

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
POLICY = "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class Page:
    """Serves the files of a folder; `/` is the page for browsers and a description for programs."""

    def __init__(self, folder: Path, rest: Rest) -> None:
        self._rest = rest
        self._files = {
            f"/{path.relative_to(folder).as_posix()}": _file(path)
            for path in sorted(folder.rglob("*"))
            if path.suffix in TYPES
        }

    def handlers(self) -> dict[str, Handler]:
        return {"/": self.root, "/favicon.ico": self.icon, **dict.fromkeys(self._files, self.file)}

    def root(self, request: Request) -> Response:
        request.query()
        if "application/json" in request.header("accept"):
            return json_response(self._rest.describe())
        return self._serve("/index.html", request)

    def icon(self, request: Request) -> Response:
        return self._serve("/favicon.svg", request)

    def file(self, request: Request) -> Response:
        return self._serve(request.path, request)

    def _serve(self, name: str, request: Request) -> Response:
        response = self._files[name]
        if request.header("if-none-match") == response.headers["ETag"]:
            return Response(304, b"", response.content_type, response.headers)
        return response


def _file(path: Path) -> Response:
    body = path.read_bytes()
    headers = {
        "Cache-Control": "no-cache",
        "ETag": f'"{sha256(body).hexdigest()[:16]}"',
        "Content-Security-Policy": POLICY,
    }
    return Response(200, body, TYPES[path.suffix], headers)
