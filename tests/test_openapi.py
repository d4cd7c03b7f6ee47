"""The server against its own OpenAPI document: what that allows is answered as it says, what it forbids is refused."""

import http.client
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from conftest import RunningServer
from ticker.dialects.documents import openapi

TOKEN = "only-for-this-test"
FLAGS = (
    *("--market.model", "plain", "--market.universe", "numbered", "--instruments", "4", "--http.wait-max-s", "0.1"),
    *("--admin.enabled", "--admin.token", TOKEN),
)
ENDLESS = "/v1/sse"  # an answer of which never ends; it refuses by the same code as /v1/ticks
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
DOCUMENT = openapi.document(admin=True, token=True)
SCHEMA = schemathesis.openapi.from_dict(
    DOCUMENT,
    config=schemathesis.Config.from_dict(  # 426 refuses as well as 400 does
        {"checks": {"negative_data_rejection": {"expected-statuses": ["4xx", "503"]}}}
    ),
)
ALLOWED, FORBIDDEN = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]
CASES = [(operation, ALLOWED) for operation in OPERATIONS if operation.path != ENDLESS]
CASES += [(operation, FORBIDDEN) for operation in OPERATIONS if list(operation.query) or list(operation.body)]
"""What is to be asked, and whether the document allows it; where there is nothing to get wrong, it always does."""

bounded = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker(*FLAGS)


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {TOKEN}"
        yield session


@pytest.mark.parametrize(("operation", "mode"), CASES, ids=lambda part: getattr(part, "label", "") or part.value)
def test_what_is_published_is_served(
    server: RunningServer, session: requests.Session, operation: Any, mode: schemathesis.GenerationMode
) -> None:
    @bounded
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        case.validate_response(case.call(base_url=server.url, session=session, timeout=10), checks=CHECKS)

    ask()


def test_methods_that_are_not_published_are_not_allowed(server: RunningServer) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        for path, operations in DOCUMENT["paths"].items():
            published = {name.upper() for name in operations}
            for method in set(METHODS) - published:
                connection.request(method, path.replace("{symbol}", "SYM0000"))
                answer = connection.getresponse()
                answer.read()
                assert answer.status == 405, (method, path)
                assert published <= set((answer.getheader("Allow") or "").split(", ")), (method, path)
