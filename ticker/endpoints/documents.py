"""The protocol's own documents, made when first asked for."""

from functools import cached_property
from typing import Any

import orjson

from ticker.dialects.documents import asyncapi, openapi
from ticker.endpoints.http import JSON, Handler, Request, Response
from ticker.endpoints.rest import REVALIDATE, tag
from ticker.session.requests import NoQuery

NAMELESS = "localhost"  # a client of HTTP/1.0 need not say whom it calls


class Documents:
    """Serves `/asyncapi.json`, which names the host it was asked of, and `/openapi.json`, which need not."""

    def __init__(self, *, admin: bool = False, token: bool = False, asks: bool = False, secure: bool = False) -> None:
        """Document the admin API too where it is on; `token` says whether it wants one, `asks` whether all do.

        `secure` is whether TLS is spoken.
        """
        self._admin = admin
        self._token = token
        self._asks = asks
        self._secure = secure

    def handlers(self) -> dict[str, Handler]:
        return {"/asyncapi.json": self.asyncapi, "/openapi.json": self.openapi}

    def asyncapi(self, request: Request) -> Response:
        request.read(NoQuery)
        host = request.header("host") or NAMELESS
        servers = asyncapi.servers(host, secure=self._secure, asks=self._asks)
        return _kept({**self._conversation, "servers": servers})

    def openapi(self, request: Request) -> Response:
        request.read(NoQuery)
        return self._requests

    @cached_property
    def _conversation(self) -> dict[str, Any]:
        return asyncapi.document(NAMELESS, secure=self._secure, asks=self._asks)

    @cached_property
    def _requests(self) -> Response:
        return _kept(openapi.document(admin=self._admin, token=self._token, asks=self._asks))


def _kept(document: dict[str, Any]) -> Response:
    body = orjson.dumps(document)
    return Response(200, body, JSON, {"Cache-Control": REVALIDATE, "ETag": tag(body)})
