"""What a tape's stream, subjects and keys are called. Any program that speaks NATS can follow them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """Those of the tape `tape`."""

    tape: str

    @property
    def stream(self) -> str:
        return f"ticker_{self.tape}"

    @property
    def subjects(self) -> str:
        """All that the stream takes."""
        return f"ticker.{self.tape}.>"

    @property
    def steps(self) -> str:
        """Blocks of steps, a message a flush."""
        return f"ticker.{self.tape}.steps"

    @property
    def incident(self) -> str:
        """What was caused, before the first step that shows it."""
        return f"ticker.{self.tape}.incident"

    @property
    def bucket(self) -> str:
        """The stream of the key-value bucket `ticker_TAPE`."""
        return f"KV_ticker_{self.tape}"

    def key(self, name: str) -> str:
        """Return the subject of a key of the bucket."""
        return f"$KV.ticker_{self.tape}.{name}"


LABEL = "label"
LEAD = "lead"
PICTURE = "picture"
MARKET = "market"
