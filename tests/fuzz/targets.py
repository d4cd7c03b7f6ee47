"""What is fuzzed: for each target what is checked of an input, and what inputs are made of."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from fuzz import client, door, files, frames, grammar, heads, messages, packed, rigs

CORPUS = Path(__file__).parent / "corpus"
EXAMPLES = 100


class Target(NamedTuple):
    """Something that takes bytes: `check` raises where it does not take them well."""

    name: str
    check: Callable[[bytes], None]
    grammar: st.SearchStrategy[bytes]

    def examples(self, number: int, count: int = EXAMPLES) -> list[bytes]:
        """Return inputs that the grammar has, always the same for a number."""
        found: list[bytes] = []

        @seed(number)
        @settings(
            max_examples=count,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(self.grammar)
        def collect(data: bytes) -> None:
            found.append(data)

        collect()
        return found

    def begin_anew(self) -> None:
        """Forget what an input may have left behind."""
        rigs.fresh()


TARGETS = {
    target.name: target
    for target in (
        Target("door", door.check, grammar.door),
        Target("heads", heads.check, grammar.heads),
        Target("endpoints", door.check, grammar.endpoints),
        Target("frames", frames.check, grammar.frames),
        Target("messages", messages.check, grammar.messages),
        Target("client", client.check, grammar.client),
        Target("packed", packed.check, grammar.wire),
        Target("files", files.check, grammar.files),
    )
}


def corpus(name: str) -> list[bytes]:
    """Return the inputs that are kept for a target."""
    return [file.read_bytes() for file in sorted((CORPUS / name).iterdir())]
