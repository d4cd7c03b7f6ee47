"""Halts and their ends in the codes of the two plans: CTA has the tapes A and B, UTP has C.

A halt is told as one that waits for news, as most are; a freeze as a failure of operations, which it looks like.
"""

_CTA = {
    "halt": ("2", "Trading Halt", "P", "News Pending"),
    "resume": ("3", "Resume", "D", "News Released (formerly News Dissemination)"),
    "freeze": ("2", "Trading Halt", "X", "Operational"),
    "thaw": ("3", "Resume", "X", "Operational"),
}
_UTP = {
    "halt": ("H", "Trading Halt", "T1", "Halt News Pending"),
    "resume": ("T", "Trading Resumption", "T3", "News and Resumption Times"),
    "freeze": ("H", "Trading Halt", "01", "Operations Halt, Contact Market Operations"),
    "thaw": ("Q", "Quotation Resumption", "R", "Issue Available"),
}
_PLANS = {"A": _CTA, "B": _CTA, "C": _UTP}


def status_of(tape: str, reason: str) -> tuple[str, str, str, str] | None:
    """Return status code and message, reason code and message; None where the venue would say nothing."""
    return _PLANS[tape].get(reason)
