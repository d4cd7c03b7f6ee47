"""The documents as values: every code, close code, op and type has its words, and the same words each time."""

from ticker.dialects.documents import asyncapi, examples, openapi, schemas
from ticker.dialects.native import command, parse, read, reply
from ticker.errors import HTTP_STATUS, Close
from ticker.session import messages as say


def test_every_code_has_a_meaning() -> None:
    assert list(schemas.CODES) == list(HTTP_STATUS)
    assert list(asyncapi.CLOSES) == list(Close)


def test_every_message_has_an_example_that_the_dialect_reads() -> None:
    kinds = {type(example) for example in examples.EXAMPLES}
    assert set(asyncapi.MESSAGES) <= kinds
    for example in examples.EXAMPLES:
        if isinstance(example, say.ClientMessage):
            assert parse(command(example)) == example
        elif isinstance(example, say.ServerMessage):
            assert read(reply(example)) == example


def test_every_command_has_its_answers() -> None:
    assert set(asyncapi.ANSWERS) == set(say.AnyClientMessage.__args__)


def test_documents_are_equal_whenever_they_are_made() -> None:
    assert openapi.document() == openapi.document()
    assert asyncapi.document("here") == asyncapi.document("here")


def test_every_field_of_a_message_says_what_it_is() -> None:
    for name, schema in {**asyncapi.document("x"), **openapi.document()}["components"]["schemas"].items():
        silent = {
            field
            for field, about in schema.get("properties", {}).items()
            if "description" not in about and "$ref" not in about and "enum" not in about
        }
        assert silent <= {"instruments", "bars", "type"}, name


def test_what_is_always_sent_is_required() -> None:
    found = schemas.schemas([say.Welcome, say.Error, say.Subscribe])
    assert "sim" in found["Welcome"]["required"]
    assert "details" not in found["Error"]["required"]
    assert found["Subscribe"]["required"] == ["op"]
    assert "required" not in found["Details"]
