"""The scorecard as one page: no script, and nothing to load from anywhere. Pure but for its own style sheet."""

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files

from ticker.scorecard import words
from ticker.scorecard.figures import Figure, figures
from ticker.scorecard.report import PROVENANCE, Report, Run

TITLE = "Does it look like a market?"
KINDS = {words.FAIL: "bad", words.PASS: "good", words.ABSENT: "faint"}


def render(report: Report) -> bytes:
    """Return the page."""
    style = files("ticker.scorecard").joinpath("page.css").read_text(encoding="utf-8")
    body = "\n".join(_body(report))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<title>{TITLE}</title>
<style>
{style}</style>
</head>
<body>
{body}
</body>
</html>
""".encode()


def _body(report: Report) -> Iterator[str]:
    yield f"<h1>{TITLE}</h1>"
    yield _paragraph(f"Statistics of {report.source}, beside the same ones of real markets.", "faint")
    yield _paragraph(report.verdict, "good" if report.ok else "bad")
    if len(report.misses) > 1:
        yield f"<ul>{''.join(f'<li>{escape(miss)}</li>' for miss in report.misses[1:])}</ul>"
    yield from (_paragraph(f"{warning[:1].upper()}{warning[1:]}.", "faint") for warning in report.warnings)
    yield _paragraph(PROVENANCE, "note")
    for run in report.runs:
        yield from _tables(report, run)
    yield _paragraph(words.LEGEND, "faint")
    yield f"<h2>Pictures</h2>{_paragraph(f'Of {words.headline(report.runs[0])}.', 'faint')}"
    yield from map(_figure, figures(report.runs[0]))


def _tables(report: Report, run: Run) -> Iterator[str]:
    yield f"<h2>{escape(words.headline(run))}</h2>"
    yield f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in words.summary(run.micro))}</ul>"
    micro = [(row.check.name, words.micro_cells(row), row.check.bold) for row in run.micro.rows]
    yield _table("Micro block", words.MICRO_COLUMNS, micro)
    others = [(name, cells, False) for name, cells in words.other_rows(report, run)]
    yield _table("Epps, engineering, days", words.OTHER_COLUMNS, others)


def _table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, tuple[str, ...], bool]]) -> str:
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    body = "".join(_row(name, cells, bold) for name, cells, bold in rows)
    return (
        f'<div class="wide"><table><thead><tr><th scope="col">{title}</th>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _row(name: str, cells: tuple[str, ...], bold: bool) -> str:
    kind = next((kind for start, kind in KINDS.items() if cells[-1].startswith(start)), "")
    shown = "".join(f"<td>{escape(cell)}</td>" for cell in cells[:-1])
    weight = ' class="bold"' if bold else ""
    return f'<tr><th scope="row"{weight}>{escape(name)}</th>{shown}<td class="{kind}">{escape(cells[-1])}</td></tr>'


def _figure(figure: Figure) -> str:
    keys = " ".join(f'<span class="key c{colour}"></span>{escape(name)}' for colour, name in figure.keys)
    return (
        f"<figure><h3>{escape(figure.title)}</h3><figcaption>{escape(figure.caption)}</figcaption>"
        f'<p class="keys">{keys}</p>{figure.drawing}</figure>'
    )


def _paragraph(text: str, kind: str) -> str:
    return f'<p class="{kind}">{escape(text)}</p>'
