"""How much is borne of one client: messages, acks and bytes a second, and messages that had to be refused.

Who does too much is refused first, which is the warning, and told when to go on; who goes on all the same is closed
with 4029, and may come back. Who is refused again and again for other reasons is closed, and does not need to come
back. It knows no clock: the time is given.
"""

from typing import NamedTuple

from ticker.errors import Close, Refusal, Violation
from ticker.session.budget import Allowance, Budget

HEEDLESS = 20  # refusals for too much that are borne before the pause is over: what was on its way, and a little more
PAUSE_S = 1.0  # is asked for: whoever was told to wait for a millisecond would be told so again and again
GARBLED = "bad_json"
TOO_MUCH = "rate_limited"


class Allowances(NamedTuple):
    """What every client is allowed."""

    commands: Allowance
    acks: Allowance
    input_bytes: Allowance
    errors: Allowance
    garbled: Allowance


class Restraint(Budget):
    """What one client has spent, and how it heeds being told that it is too much."""

    __slots__ = ("_again_s", "_refused")

    def __init__(self, allowance: Allowance) -> None:
        super().__init__(allowance)
        self._again_s = float("-inf")
        self._refused = 0

    def refuse(self, what: str, now_s: float, cost: float = 1) -> None:
        """Say no. Raises Refusal, and Violation where it goes on without the pause that it was asked for."""
        if now_s >= self._again_s:
            self._again_s = now_s + max(PAUSE_S, self.wait_s(now_s, cost))
            self._refused = 0
        self._refused += 1
        if self._refused > HEEDLESS:
            raise Violation(Close.RATE_LIMITED, f"too many {what}")
        per_s = self.allowance.per_s
        raise Refusal(
            TOO_MUCH,
            f"more than {per_s:g} {what} a second: go on a little later",
            limit=per_s,
            retry_after_s=round(self._again_s - now_s, 3),
        )


class Patience:
    """What is left of it for one client. Methods raise Refusal (rate_limited) and Violation; most cost nothing."""

    __slots__ = ("_acks", "_allowances", "_commands", "_errors", "_garbled", "_input_bytes")

    def __init__(self, allowances: Allowances) -> None:
        self._allowances = allowances
        self._commands: Restraint | None = None
        self._acks: Restraint | None = None
        self._input_bytes: Restraint | None = None
        self._errors: Budget | None = None
        self._garbled: Budget | None = None

    def whole(self, now_s: float) -> bool:
        """Tell whether nothing is to be remembered."""
        budgets = (self._commands, self._acks, self._input_bytes, self._errors, self._garbled)
        return all(budget is None or budget.whole(now_s) for budget in budgets)

    def command(self, now_s: float) -> None:
        """Bear a message other than an ack."""
        budget = self._commands = self._commands or Restraint(self._allowances.commands)
        if not budget.take(now_s):
            budget.refuse("messages", now_s)

    def acks(self, count: int, now_s: float) -> None:
        """Bear so many acks."""
        budget = self._acks
        if budget is None:
            budget = self._acks = Restraint(self._allowances.acks)
        if not budget.take(now_s, count):
            budget.refuse("acks", now_s, count)

    def input_bytes(self, size: int, now_s: float) -> None:
        """Bear so many bytes: they are heard all the same, but not for long."""
        budget = self._input_bytes = self._input_bytes or Restraint(self._allowances.input_bytes)
        if not budget.take(now_s, size):
            budget.refuse("bytes", now_s, size)

    def error(self, code: str, now_s: float) -> None:
        """Bear a message that was refused with a code."""
        if code == TOO_MUCH:
            return
        if code == GARBLED:
            budget = self._garbled = self._garbled or Budget(self._allowances.garbled)
            if not budget.take(now_s):
                raise Violation(Close.INVALID_DATA, "messages are JSON")
        budget = self._errors = self._errors or Budget(self._allowances.errors)
        if not budget.take(now_s):
            raise Violation(Close.TOO_MANY_ERRORS, "too many errors")
