"""Plain requests of a running server, with the answers read where they are JSON."""

import urllib.request
from typing import Any

import orjson
import pytest

from conftest import RunningServer


def fetch(server: RunningServer, path: str, **headers: str) -> tuple[Any, dict[str, str]]:
    """Return a body, read where it is JSON, and the headers in lower case."""
    request = urllib.request.Request(server.url + path, headers=headers)
    with urllib.request.urlopen(request, timeout=5) as response:
        data = response.read()
        kind = response.headers.get_content_type()
        found = {name.lower(): value for name, value in response.headers.items()}
        return (orjson.loads(data) if kind == "application/json" else data), found


def refused(server: RunningServer, path: str) -> tuple[int, dict[str, Any]]:
    """Fetch what is refused; return its status and problem."""
    with pytest.raises(urllib.request.HTTPError) as raised:
        fetch(server, path)
    with raised.value as error:
        return error.code, orjson.loads(error.read())
