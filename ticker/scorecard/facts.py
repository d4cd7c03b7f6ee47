"""The 31 micro facts of one session, by the names that the checks have. Pure: columns in, numbers out.

A fact that the source cannot give (no quotes, no sides, not a whole day) is left out; one that cannot be computed from
what is there is NaN.
"""

from collections.abc import Callable

from ticker.scorecard import quoting, trading
from ticker.scorecard.sessions import Session, merged, two_sided

Facts = dict[str, float]

_TRADES: list[Callable[[Session], Facts]] = [trading.size_facts, trading.price_facts, trading.volume_facts]
_QUOTES: list[Callable[[Session], Facts]] = [
    quoting.spread_facts,
    quoting.mid_facts,
    quoting.flow_facts,
    quoting.queue_facts,
    quoting.message_facts,
]


def micro_facts(session: Session) -> Facts:
    """Return the facts of one instrument's session, prints merged into trades first."""
    one = two_sided(merged(session))
    facts = trading.arrival_facts(one)
    for compute in _TRADES:
        facts |= compute(one)
    if one.size_unit == 1 and one.day_s is not None:
        facts |= trading.lot_facts(one)
    if one.has_sides:
        facts |= trading.sign_facts(one)
    if one.has_quotes:
        for compute in _QUOTES:
            facts |= compute(one)
        if one.has_sides:
            facts |= quoting.response_facts(one) | quoting.trade_flow_facts(one)
    return _of_the_day(one, facts)


def _of_the_day(session: Session, facts: Facts) -> Facts:
    """Add what needs a whole day, or take away what means nothing in a part of one."""
    if not session.is_whole_day:
        return {name: value for name, value in facts.items() if name != "count ACF at 10 min" or not session.day_s}
    if session.has_quotes:
        facts |= quoting.spread_day_facts(session)
    return facts | trading.activity_facts(session)
