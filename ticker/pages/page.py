"""What a page is made of. Text is escaped here; `drawing`s are taken as they are."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from typing import NamedTuple

Keys = Sequence[tuple[int, str]]
"""Colours of the style sheet, and what they stand for."""


class Row(NamedTuple):
    """A row of a table; `kind` is the class of its last cell."""

    name: str
    cells: Sequence[str]
    kind: str = ""
    bold: bool = False


def document(title: str, body: Iterable[str]) -> bytes:
    """Return a page, which is XML after its first line."""
    style = files("ticker.pages").joinpath("page.css").read_text(encoding="utf-8")
    inside = "\n".join(body)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<title>{escape(title)}</title>
<style>
{style}</style>
</head>
<body>
<h1>{escape(title)}</h1>
{inside}
</body>
</html>
""".encode()


def heading(text: str) -> str:
    return f"<h2>{escape(text)}</h2>"


def paragraph(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def listed(sentences: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in sentences)}</ul>"


def definitions(rows: Iterable[tuple[str, str]]) -> str:
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(text)}</dd>' for name, text in rows)}</dl>"


def table(title: str, columns: Sequence[str], rows: Iterable[Row], kind: str = "") -> str:
    """Return a table with `title` over its names: judged where its last column is words, narrow where it has few."""
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    first = f'<th scope="col">{escape(title)}</th>' if title else "<td></td>"
    head = f"<thead><tr>{first}{heads}</tr></thead>" if heads else ""
    return f'<div class="wide"><table class="{kind}">{head}<tbody>{"".join(map(_row, rows))}</tbody></table></div>'


def _row(row: Row) -> str:
    cells = [f"<td>{escape(cell)}</td>" for cell in row.cells]
    if row.kind:
        cells[-1] = f'<td class="{row.kind}">{escape(row.cells[-1])}</td>'
    weight = ' class="bold"' if row.bold else ""
    return f'<tr><th scope="row"{weight}>{escape(row.name)}</th>{"".join(cells)}</tr>'


def figure(title: str, caption: str, drawing: str, keys: Keys = ()) -> str:
    """Return a drawing with what it shows."""
    named = " ".join(f'<span class="key c{colour}"></span>{escape(name)}' for colour, name in keys)
    legend = f'<p class="keys">{named}</p>' if named else ""
    return f"<figure><h3>{escape(title)}</h3><figcaption>{escape(caption)}</figcaption>{legend}{drawing}</figure>"
