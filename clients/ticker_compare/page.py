"""A stub page."""

from ticker_compare.report import Report


def render(report: Report) -> bytes:
    return b""
