"""How often one address may ask: whoever polls too fast is told to wait, and costs little more than the parsing."""

from math import ceil

from ticker.errors import Refusal
from ticker.session.budget import Allowance, Budget


class Askers:
    """Who has asked lately, by address."""

    def __init__(self, per_s: float, burst: int) -> None:
        self._allowance = Allowance(per_s, burst)
        self._budgets: dict[str, Budget] = {}

    def __len__(self) -> int:
        return len(self._budgets)

    def ask(self, origin: str, now_s: float) -> None:
        """Note a request. Raises Refusal (rate_limited) where there are too many."""
        budget = self._budgets.get(origin)
        if budget is None:
            budget = self._budgets[origin] = Budget(self._allowance)
        if not budget.take(now_s):
            wait_s = ceil(budget.wait_s(now_s))
            sentence = f"more than {self._allowance.per_s:g} requests a second from your address"
            raise Refusal("rate_limited", sentence, limit=self._allowance.per_s, retry_after_s=wait_s)

    def forget(self, now_s: float) -> None:
        """Forget those who have not asked for so long that it makes no difference."""
        for origin in [origin for origin, budget in self._budgets.items() if budget.whole(now_s)]:
            del self._budgets[origin]
