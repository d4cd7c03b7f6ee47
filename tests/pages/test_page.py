"""What pages are made of: text is text, nothing is loaded, light and dark."""

from xml.etree import ElementTree

from ticker.pages.page import Row, definitions, document, figure, heading, listed, paragraph, table

NASTY = "<b>&\"'</b>"


def test_a_document_is_one_and_loads_nothing() -> None:
    whole = document(NASTY, [paragraph("a", "faint"), "<svg/>"])
    assert whole.startswith(b"<!doctype html>\n")
    root = ElementTree.fromstring(whole.partition(b"\n")[2])
    assert [title.text for title in (*root.iter("title"), *root.iter("h1"))] == [NASTY, NASTY]
    policy = next(meta.attrib["content"] for meta in root.iter("meta") if "http-equiv" in meta.attrib)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert b"color-scheme: light dark" in whole and b"prefers-color-scheme: dark" in whole
    assert b"url(" not in whole and b"@import" not in whole


def test_text_stays_text() -> None:
    parts = (
        heading(NASTY),
        paragraph(NASTY),
        listed([NASTY]),
        definitions([(NASTY, NASTY)]),
        table(NASTY, (NASTY,), [Row(NASTY, [NASTY])]),
        figure(NASTY, NASTY, "<svg/>", [(0, NASTY)]),
    )
    for part in parts:
        root = ElementTree.fromstring(part)
        assert not list(root.iter("b"))
        assert NASTY in "".join(root.itertext())


def test_a_table_has_a_head_where_it_has_columns() -> None:
    rows = [Row("one", ["1", "FAIL"], "bad", bold=True), Row("two", ["2", "pass"])]
    root = ElementTree.fromstring(table("name", ("n", "verdict"), rows, "judged"))
    assert [[cell.text for cell in row] for row in root.iter("tr")] == [
        ["name", "n", "verdict"],
        ["one", "1", "FAIL"],
        ["two", "2", "pass"],
    ]
    assert [cell.attrib for cell in root.iter("td")] == [{}, {"class": "bad"}, {}, {}]
    assert [cell.attrib.get("class") for cell in root.iter("th")] == [None, None, None, "bold", None]
    assert not list(ElementTree.fromstring(table("", (), rows)).iter("thead"))


def test_a_figure_names_its_colours() -> None:
    root = ElementTree.fromstring(figure("title", "caption", "<svg/>", [(0, "p50"), (4, "p99")]))
    assert [key.attrib["class"] for key in root.iter("span")] == ["key c0", "key c4"]
    assert not list(ElementTree.fromstring(figure("title", "caption", "<svg/>")).iter("span"))
