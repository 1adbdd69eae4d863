"""PDF: columns in their order, headings, tables as rows, and nothing of what repeats at the edges of pages."""

import re
from collections.abc import Callable
from io import BytesIO

import pytest
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    ListFlowable,
    ListItem,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
)

from assistant.kernel.knowledge import BlockKind, ParsedDocument
from ingest.parse import parse
from tests.ingest.uploads import uploaded

STYLES = getSampleStyleSheet()
PRICES = [["Part", "Price", "Code"], ["Pump", "45 GBP", "E4"], ["Water filter", "12 GBP", "E5"], ["Seal", "", "E6"]]
GRID = [("GRID", (0, 0), (-1, -1), 0.5, colors.black)]


def heading(text: str, level: int = 1) -> Paragraph:
    return Paragraph(text, STYLES[f"Heading{level}"])


def prose(name: str, sentences: int = 6) -> Paragraph:
    text = " ".join(
        f"{name} sentence {number} tells how the tank is cleaned with warm water." for number in range(sentences)
    )
    return Paragraph(text, STYLES["BodyText"])


def pdf(story: list[Flowable], columns: int = 1, title: str = "") -> ParsedDocument:
    def edges(canvas: Canvas, page: BaseDocTemplate) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.drawString(50, 815, f"Fernhill One, {'user manual' if page.page % 2 else 'the machine'}")
        canvas.drawRightString(545, 25, f"Page {page.page} of 9")

    buffer = BytesIO()
    width = (495 - 15 * (columns - 1)) / columns
    frames = [Frame(50 + number * (width + 15), 50, width, 740) for number in range(columns)]
    document = BaseDocTemplate(buffer, pagesize=A4, title=title or None)
    document.addPageTemplates(PageTemplate(frames=frames, onPage=edges))
    document.build(story)
    return parse(uploaded("manual.pdf", buffer.getvalue()))


def story() -> list[Flowable]:
    return [
        part
        for chapter in ("Cleaning", "Descaling", "Storing")
        for part in (
            heading(chapter),
            *(each for n in (1, 2, 3) for each in (heading(f"{chapter} step {n}", 2), prose(f"{chapter} {n} a"), prose(f"{chapter} {n} b"))),
        )
    ]  # fmt: skip


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_columns_are_read_one_after_another_below_their_headings(columns: int) -> None:
    document = pdf(story(), columns)
    expected = [
        ((chapter, f"{chapter} step {n}"), f"{chapter} {n} {part} sentence {number}")
        for chapter in ("Cleaning", "Descaling", "Storing")
        for n in (1, 2, 3)
        for part in "ab"
        for number in range(6)
    ]
    found = [
        (block.heading_path, each)
        for block in document.blocks
        for each in re.findall(r"\w+ \d \w sentence \d", block.text)
    ]
    assert found == expected
    assert len(document.blocks) <= 18 + 2 * columns  # Each paragraph is one, but for those that a column's end cuts.


def test_headers_footers_and_page_numbers_are_dropped() -> None:
    parts = ("Pump", "Tank", "Seal", "Filter", "Lamp", "Hose")
    document = pdf([each for part in parts for each in (prose(part), PageBreak())])
    text = "\n".join(block.text for block in document.blocks)
    assert "Fernhill" not in text
    assert "of 9" not in text
    assert [block.anchor for block in document.blocks] == [f"page={n}" for n in range(1, 7)]


@pytest.mark.parametrize("columns", [1, 2])
def test_a_row_of_a_table_says_what_its_values_are(columns: int) -> None:
    document = pdf([heading("Prices"), prose("Before"), Table(PRICES, style=GRID), prose("After"), *story()], columns)
    before, table, after = document.blocks[:3]
    assert (table.kind, table.heading_path) == (BlockKind.TABLE, ("Prices",))
    assert table.text.splitlines() == [
        "Part: Pump | Price: 45 GBP | Code: E4", "Part: Water filter | Price: 12 GBP | Code: E5", "Part: Seal | Code: E6",
    ]  # fmt: skip
    assert (before.text.split()[0], after.text.split()[0]) == ("Before", "After")


def test_a_table_goes_on_on_the_next_page() -> None:
    rows = [["Code", "Meaning"], *([f"E{n}", f"Fault number {n}"] for n in range(60))]
    (table,) = pdf([Table(rows, style=GRID, repeatRows=1)]).blocks
    assert table.text.splitlines() == [f"Code: E{n} | Meaning: Fault number {n}" for n in range(60)]


def test_a_table_without_rules_keeps_its_rows() -> None:
    document = pdf([prose("Before"), Table(PRICES, colWidths=120)])
    assert document.blocks[1].text.splitlines() == [
        "Part | Price | Code",
        "Pump | 45 GBP | E4",
        "Water filter | 12 GBP | E5",
        "Seal | E6",
    ]


@pytest.mark.parametrize(("kind", "marks"), [("1", ["1.", "2."]), ("bullet", ["-", "-"])])
def test_items_of_a_list_stand_on_lines_of_their_own(kind: str, marks: list[str]) -> None:
    items = [
        "Fill the tank",
        "Press Clean and wait for twenty minutes until the lamp beside the button is green again, then empty the bowl",
    ]
    document = pdf(
        [
            prose("Before"),
            ListFlowable([ListItem(Paragraph(item, STYLES["BodyText"])) for item in items], bulletType=kind),
            prose("After"),
        ]
    )
    assert document.blocks[1].kind is BlockKind.LIST
    assert document.blocks[1].text.splitlines() == [f"{mark} {item}" for mark, item in zip(marks, items, strict=True)]


def drawn(write: Callable[[Canvas], object]) -> ParsedDocument:
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    write(canvas)
    canvas.save()
    return parse(uploaded("drawn.pdf", buffer.getvalue()))


def test_a_word_cut_at_the_end_of_a_line_is_whole_again() -> None:
    def write(canvas: Canvas) -> None:
        for number, line in enumerate(
            ("The machine is cleaned auto-", "matically every night, in a well-", "Known way.")
        ):
            canvas.drawString(72, 700 - 14 * number, line)

    (block,) = drawn(write).blocks
    assert block.text == "The machine is cleaned automatically every night, in a well-Known way."


def test_bold_lines_are_headings_and_bold_words_are_not() -> None:
    def write(canvas: Canvas) -> None:
        canvas.setFont("Helvetica-Bold", 10)
        canvas.drawString(72, 700, "Returns")
        canvas.drawString(72, 660, "Never")
        canvas.setFont("Helvetica", 10)
        canvas.drawString(106, 660, "open the machine while it is hot, and wait for an hour.")

    (block,) = drawn(write).blocks
    assert (block.heading_path, block.text) == (
        ("Returns",),
        "Never open the machine while it is hot, and wait for an hour.",
    )


def test_the_title_is_the_document_s_or_its_first_heading() -> None:
    assert pdf([heading("Care"), prose("A")], title="The Fernhill One").title == "The Fernhill One"
    assert pdf([Spacer(1, 20), heading("Care"), prose("A")]).title == "Care"


def test_nothing_is_lost_where_all_is_bold_or_a_heading_has_no_text() -> None:
    def bold(canvas: Canvas) -> None:
        canvas.setFont("Helvetica-Bold", 10)
        for number, line in enumerate(("Never open the machine", "while it is hot and wait", "for an hour")):
            canvas.drawString(72, 700 - 12 * number, line)

    def hotline(canvas: Canvas) -> None:
        for number, (line, size) in enumerate(
            (("Help", 20), ("Call us whenever it leaks.", 10), ("Hotline 0800 1234 now", 16), ("Return", 20))
        ):
            canvas.setFont("Helvetica", size)
            canvas.drawString(72, 700 - 40 * number, line)

    assert [block.text for block in drawn(bold).blocks] == [
        "Never open the machine while it is hot and wait for an hour"
    ]
    assert [(block.heading_path, block.text) for block in drawn(hotline).blocks] == [
        (("Help",), "Call us whenever it leaks."), (("Help",), "Hotline 0800 1234 now"), ((), "Return"),
    ]  # fmt: skip
