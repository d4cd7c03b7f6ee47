"""The documents a server publishes, as judges: what it sends is held against them, and nothing may be left unsaid."""

from typing import Any

import orjson
from jsonschema import Draft7Validator, Draft202012Validator


def closed(schema: Any) -> Any:
    """Return a schema that takes no field it does not name."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    if found.get("type") == "object" and "properties" in found:
        found.setdefault("additionalProperties", False)
    return found


def named(reference: str) -> str:
    """Return the last part of a reference."""
    return reference.rpartition("/")[2]


class Conversation:
    """AsyncAPI 3: `check` takes any message of either side, and returns its name."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._components = closed(document["components"])

    def names(self, action: str) -> set[str]:
        """Return the messages that the server sends (unasked or in reply) or receives on the stream."""
        found = set()
        for operation in self.document["operations"].values():
            if named(operation["channel"]["$ref"]) == "stream":
                taken = [*operation["messages"]] if operation["action"] == action else []
                taken += operation["reply"]["messages"] if action == "send" and "reply" in operation else []
                found |= {named(message["$ref"]) for message in taken}
        return found

    def examples(self, action: str) -> list[Any]:
        """Return the payloads shown for what is sent or received, in the order of the document."""
        messages = self.document["components"]["messages"]
        wanted = self.names(action)
        return [
            example["payload"]
            for name, message in messages.items()
            if name in wanted
            for example in message["examples"]
        ]

    def check(self, message: dict[str, Any]) -> str:
        name = message["op"] if "op" in message else message["type"]
        name = "windowGranted" if message.get("type") == "window" else name
        schema = {"allOf": [self._components["messages"][name]["payload"]], "components": self._components}
        Draft7Validator(schema).validate(message)
        return str(name)


class Requests:
    """OpenAPI 3.1: `check` takes any answer to a request, `check_event` an event of a stream."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._components = closed(document["components"])

    def statuses(self, path: str, method: str = "get") -> set[int]:
        """Return the statuses that a path names, all but its default."""
        return {int(status) for status in self.document["paths"][path][method]["responses"] if status != "default"}

    def check(self, path: str, status: int, headers: dict[str, str], body: bytes, method: str = "get") -> None:
        """Hold an answer against what is said of the path; its headers have names in lower case."""
        response = self._response(path, status, method)
        if status in self.statuses(path, method) and path != "/":  # which answers two kinds of clients
            for name in response.get("headers", ()):
                assert name.lower() in headers, f"{path}: {status} without {name}"
        if "content" not in response:
            assert body == b""
            return
        media = headers["content-type"].partition(";")[0]
        schema = response["content"][media]["schema"]
        if media.endswith("json"):
            self._validate(schema, orjson.loads(body))
        elif schema.get("type") == "string":
            assert body.decode()

    def check_event(self, event: dict[str, str]) -> str:
        stream = self.document["paths"]["/v1/sse"]["get"]["responses"]["200"]["content"]["text/event-stream"]
        self._validate(stream["schema"], [event])
        kinds = self._components["schemas"]["Event"]["oneOf"]
        kind = next(kind for kind in kinds if kind["properties"]["event"]["const"] == event["event"])
        self._validate(kind["properties"]["data"]["contentSchema"], orjson.loads(event["data"]))
        return event["event"]

    def _response(self, path: str, status: int, method: str) -> dict[str, Any]:
        responses = self.document["paths"][path][method]["responses"]
        found: dict[str, Any] = responses.get(str(status)) or responses["default"]
        if "$ref" in found:
            found = self._components["responses"][named(found["$ref"])]
        return found

    def _validate(self, schema: dict[str, Any], value: Any) -> None:
        Draft202012Validator({"allOf": [schema], "components": self._components}).validate(value)
