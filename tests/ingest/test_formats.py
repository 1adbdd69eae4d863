"""Tables, slides, mail and reStructuredText: what a reader needs of them stays, what they could do to us does not."""

import mailbox
import zipfile
from collections.abc import Sequence
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest
from pptx import Presentation
from pptx.util import Inches

from assistant.kernel.errors import UnreadableDocument
from assistant.kernel.knowledge import BlockKind, ParsedDocument, Problem
from ingest.load import load, root_key
from ingest.parse import parse
from ingest.sources.source import Source
from tests.ingest.uploads import uploaded

PRICES = [("Repair", "Fernhill One", "Fernhill Duo"), ("Pump", "45 GBP", "60 GBP"), ("Seal", "", "12 GBP")]


def read(name: str, data: bytes) -> ParsedDocument:
    return parse(uploaded(name, data))


def workbook(**sheets: Sequence[Sequence[object]]) -> bytes:
    book, buffer = openpyxl.Workbook(), BytesIO()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    book.save(buffer)
    return buffer.getvalue()


def mail(text: str, subject: str = "Parcel", message_id: str = "<1@shop.example>", html: str = "") -> EmailMessage:
    message = EmailMessage()
    message["Subject"], message["From"], message["Message-ID"] = subject, "ann@shop.example", message_id
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_each_row_of_a_table_says_what_its_values_are(delimiter: str) -> None:
    text = "\n".join(delimiter.join(row) for row in PRICES)
    (block,) = read("prices.csv", text.encode()).blocks
    assert block.kind is BlockKind.TABLE
    assert block.text.splitlines() == [
        "Repair: Pump | Fernhill One: 45 GBP | Fernhill Duo: 60 GBP",
        "Repair: Seal | Fernhill Duo: 12 GBP",
    ]


def test_a_quoted_field_may_hold_commas_and_line_breaks_in_any_encoding() -> None:
    text = 'Frage,Antwort\n"Wie lange, bitte?","Zwei Jahre\nab Kauf für Geräte"\n'
    (block,) = read("faq.csv", text.encode("cp1252")).blocks
    assert block.text == "Frage: Wie lange, bitte? | Antwort: Zwei Jahre ab Kauf für Geräte"


def test_a_workbook_has_a_heading_a_sheet_and_no_empty_rows() -> None:
    document = read(
        "prices.xlsx", workbook(Prices=[*PRICES[:2], ("", None, ""), PRICES[2]], Empty=[], Hours=[("Day",)])
    )
    assert [(block.heading_path, len(block.text.splitlines())) for block in document.blocks] == [
        (("Prices",), 2),
        (("Hours",), 1),
    ]


def test_slides_keep_titles_lists_tables_and_notes() -> None:
    show, buffer = Presentation(), BytesIO()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text = "Descaling"
    slide.placeholders[1].text = "Fill the tank\nPress Clean"
    slide.notes_slide.notes_text_frame.text = "Takes twenty minutes."
    other = show.slides.add_slide(show.slide_layouts[5])
    other.shapes.title.text = "Prices"
    table = other.shapes.add_table(2, 2, Inches(1), Inches(1), Inches(4), Inches(1)).table
    for row, cells in enumerate([("Part", "Price"), ("Pump", "45 GBP")]):
        for column, cell in enumerate(cells):
            table.cell(row, column).text = cell
    show.save(buffer)
    blocks = read("training.pptx", buffer.getvalue()).blocks
    assert [(block.kind, block.heading_path, block.anchor, block.text) for block in blocks] == [
        (BlockKind.LIST, ("Descaling",), "slide=1", "- Fill the tank\n- Press Clean"),
        (BlockKind.PARAGRAPH, ("Descaling",), "slide=1", "Takes twenty minutes."),
        (BlockKind.TABLE, ("Prices",), "slide=2", "Part | Price\nPump | 45 GBP"),
    ]


def test_restructured_text_keeps_headings_lists_and_code() -> None:
    text = "Firmware\n========\n\nUpdate\n------\n\n#. Plug it in.\n#. Wait.\n\n.. code-block:: sh\n\n   fern update --now\n"
    document = read("firmware.rst", text.encode())
    assert document.title == "Firmware"
    assert [(block.kind, block.heading_path) for block in document.blocks] == [
        (BlockKind.LIST, ("Firmware", "Update")),
        (BlockKind.CODE, ("Firmware", "Update")),
    ]
    assert document.blocks[0].text == "1. Plug it in.\n2. Wait."


@pytest.mark.parametrize(
    "directive",
    [
        ".. include:: {secret}",
        ".. literalinclude:: {secret}",
        ".. csv-table::\n   :file: {secret}",
        ".. raw:: html\n   :file: {secret}",
        ".. raw:: html\n\n   <script>topsecret()</script>",
    ],
)
def test_restructured_text_reads_nothing_but_itself(tmp_path: Path, directive: str) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("topsecret")
    text = f"Before it.\n\n{directive.format(secret=secret)}\n\nAfter it.\n"
    blocks = read("page.rst", text.encode()).blocks
    found = "\n".join(block.text for block in blocks)
    assert "Before it." in found
    assert "After it." in found
    assert "topsecret" not in found


def test_a_mail_is_its_subject_and_what_the_sender_wrote() -> None:
    message = mail("It left today.\n\nOn Monday Tom wrote:\n> Where is it?\n> Tom", subject="Your parcel")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="label.pdf")
    document = read("parcel.eml", message.as_bytes())
    assert document.title == "Your parcel"
    assert [block.text for block in document.blocks] == ["It left today.", "Attachments: label.pdf"]


def test_a_mail_without_plain_text_is_read_from_its_html() -> None:
    message = EmailMessage()
    message["Subject"] = "Hours"
    message.set_content("<p>We open at <b>nine</b>.</p><script>x()</script>", subtype="html")
    assert [block.text for block in read("hours.eml", message.as_bytes()).blocks] == ["We open at nine."]


def test_a_mail_that_names_a_wrong_encoding_is_read_all_the_same() -> None:
    data = b"Subject: Maschine\nContent-Type: text/plain; charset=us-ascii\n\nDie Maschine l\xc3\xa4uft wieder.\n"
    assert read("m.eml", data).blocks[0].text == "Die Maschine läuft wieder."
    unknown = data.replace(b"us-ascii", b"x-none")
    assert read("m.eml", unknown).blocks[0].text == "Die Maschine läuft wieder."


def test_each_message_of_a_mailbox_is_a_document(tmp_path: Path) -> None:
    path = tmp_path / "support.mbox"
    box = mailbox.mbox(path)
    for number, text in enumerate(["It left today.", "From now on we open at nine.", "It left today."]):
        box.add(mail(text, message_id=f"<{number % 2}@shop.example>"))
    box.flush()
    items = list(load(path))
    sources = [item for item in items if isinstance(item, Source)]
    assert [parse(source).blocks[0].text for source in sources] == ["It left today.", "From now on we open at nine."]
    assert all(source.key.startswith(root_key(path)) for source in sources)
    assert [item.reason for item in items if isinstance(item, Problem)] == [
        "the message '<0@shop.example>' stands twice; the first was kept"
    ]


def bomb() -> bytes:
    """A workbook whose sheet is entities of entities."""
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10))
    sheet = (
        f"<?xml version='1.0'?><!DOCTYPE x [{entities}]>"
        "<worksheet xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'><sheetData><row r='1'>"
        "<c r='A1' t='inlineStr'><is><t>&l9;</t></is></c></row></sheetData></worksheet>"
    )
    source, buffer = zipfile.ZipFile(BytesIO(workbook(Sheet=[("a",)]))), BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name in source.namelist():
            target.writestr(name, sheet if name == "xl/worksheets/sheet1.xml" else source.read(name))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("bomb.xlsx", bomb(), "damaged"),
        ("cut.xlsx", workbook(Sheet=[("a", "b")])[:-300], "damaged"),
        ("table.pptx", workbook(Sheet=[("a", "b")]), "holds"),
        ("empty.xlsx", workbook(Sheet=[]), "no text"),
        ("empty.eml", b"Subject: Nothing\n\n\n", "no text"),
        (
            "picture.eml",
            b"Subject: P\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\niVBOR\n",
            "no text",
        ),
        ("open.csv", b'a,b\n"' + b"x" * 200_000, "no CSV table"),
        ("binary.csv", b"a,b\n\0\0\0", "holds binary data"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(name: str, data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableDocument, match=reason) as raised:
        read(name, data)
    assert raised.value.fix
