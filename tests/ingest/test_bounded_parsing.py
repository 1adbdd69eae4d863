"""Documents made to harm are refused by name and reason; the next one is read as if nothing had happened."""

import os
import signal
import socket
import subprocess
import sys
import threading
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from assistant.adapters.memory.documents import MemoryDocumentStore
from assistant.adapters.memory.index import MemoryIndex
from assistant.adapters.memory.models import HashingEmbedder
from assistant.kernel.errors import ConfigurationError, UnreadableDocument
from assistant.kernel.knowledge import Audience, ParsedDocument
from ingest.bounded import BoundedParser
from ingest.load import load
from ingest.parse import parse
from ingest.pipeline import Ingest, ingest
from tests.conftest import HELP_CENTRE, PROJECT
from tests.ingest.uploads import uploaded

MALLARD = b'<page xmlns="http://projectmallard.org/1.0/"><title>Returns</title>%b</page>'


@pytest.fixture
def parser() -> Iterator[BoundedParser]:
    parser = BoundedParser(timeout_s=120, memory_mb=800)
    yield parser
    parser.close()


def read(parser: BoundedParser, name: str, data: bytes) -> ParsedDocument:
    return parser(uploaded(name, data))


def pdf(content: bytes, filters: bytes, pages: bytes = b"<</Type/Pages/Kids[3 0 R]/Count 1>>") -> bytes:
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        pages,
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d/Filter[%b]>>stream\n%b\nendstream" % (len(content), filters, content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 6\n0000000000 65535 f \n%btrailer<</Root 1 0 R/Size 6>>\nstartxref\n%d\n%%%%EOF" % (table, len(out))
    return out + end


def bomb() -> bytes:
    """A page of 600 MB of text, packed twice: 4 kB."""
    once = zlib.compressobj(9)
    line = b"BT /F1 12 Tf 10 100 Td (Hello) Tj ET\n" * 100_000
    packed = b"".join([*(once.compress(line) for _ in range(160)), once.flush()])
    return pdf(zlib.compress(packed, 9), b"/FlateDecode/FlateDecode")


def laughs(root: bytes, end: bytes) -> bytes:
    """A billion: each entity is ten of the one before."""
    more = b"".join(b'<!ENTITY %c "%b">' % (98 + i, (b"&%c;" % (97 + i)) * 10) for i in range(9))
    return b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "haha">%b]>%b&j;%b' % (more, root, end)


def laughing_docx() -> bytes:
    buffer = BytesIO()
    word = b"w:document xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'"
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", laughs(b"<%b>" % word, b"</w:document>"))
    return buffer.getvalue()


def test_it_reads_what_parsing_in_process_reads(parser: BoundedParser) -> None:
    for path in sorted(HELP_CENTRE.iterdir()):
        source = uploaded(path.name, path.read_bytes())
        assert parser(source) == parse(source)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("bomb.pdf", bomb(), "want of memory"),
        ("pages.pdf", pdf(b"", b"", b"<</Type/Pages/Kids[%b]/Count 9000>>" % (b"3 0 R " * 9_000)), "9000 pages"),
        ("own-child.pdf", pdf(b"", b"", b"<</Type/Pages/Kids[2 0 R]/Count 1000000000>>"), "damaged"),
        ("laughs.page", laughs(b'<page xmlns="http://projectmallard.org/1.0/"><p>', b"</p></page>"), "amplification"),
        ("laughs.docx", laughing_docx(), "damaged"),
        ("deep.page", MALLARD % (b"<section>" * 9_000 + b"</section>" * 9_000), "depth"),
        ("deep.rst", b"- " * 3_000 + b"x", "nested too deeply"),
        ("quotes.csv", b'"' + b"a," * 500_000, "no CSV table"),
        ("long.txt", b"a" * 20_000_001, "million characters"),
        ("letters.html", b"<p>" + b"word " * 12_000_000, "800 MB of memory"),
    ],
)
def test_a_bomb_is_refused_and_the_next_document_is_read(
    parser: BoundedParser, name: str, data: bytes, reason: str
) -> None:
    with pytest.raises(UnreadableDocument, match=reason) as refusal:
        read(parser, name, data)
    assert refusal.value.fix
    assert read(parser, "good.md", b"# Good\n\nFine.").blocks[0].text == "Fine."


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("own.rst", b"T\n=\n\n.. include:: own.rst\n\n.. include:: /etc/passwd\n\n.. raw:: html\n   :file: /etc/passwd\n\nTen days."),
        ("own.page", MALLARD % b'<include href="/etc/passwd" parse="text" xmlns="http://www.w3.org/2001/XInclude"/><p>Ten days.</p>'),
    ],
)  # fmt: skip
def test_nothing_outside_a_document_is_read(parser: BoundedParser, name: str, data: bytes) -> None:
    assert [block.text for block in read(parser, name, data).blocks] == ["Ten days."]


def test_an_entity_that_leads_out_is_no_text(parser: BoundedParser) -> None:
    data = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + MALLARD % b"<p>Ten days. &a;</p>"
    with pytest.raises(UnreadableDocument, match="Entity 'a'"):
        read(parser, "file.page", data)


@pytest.mark.parametrize("nested", [b"<div>", b"<ul><li>x", b"<table><tr><td>", b"<b>", b"<blockquote>"])
def test_what_is_nested_without_end_is_read(parser: BoundedParser, nested: bytes) -> None:
    assert "Deep" in read(parser, "deep.html", nested * 5_000 + b"Deep down").blocks[-1].text


def test_time_is_bounded() -> None:
    parser = BoundedParser(timeout_s=0.5, memory_mb=800)
    with pytest.raises(UnreadableDocument, match="longer than"):
        read(parser, "brackets.md", b"[" * 3_000_000)
    parser.close()


def test_a_child_that_was_killed_or_went_is_replaced() -> None:
    parser = BoundedParser(timeout_s=60, memory_mb=800, idle_s=2.0)
    for end in ("killed", "idle"):
        read(parser, "good.md", b"# Good\n\nFine.")
        child = parser.child
        assert child is not None
        if end == "killed":
            os.kill(child.pid, signal.SIGKILL)
        child.wait(timeout=20)
        assert read(parser, "again.md", b"# Good\n\nStill fine.").blocks[0].text == "Still fine."
    parser.close()


def test_threads_take_turns(parser: BoundedParser) -> None:
    told: list[str] = []

    def work(number: int) -> None:
        told.append(read(parser, f"{number}.md", f"# N\n\nNumber {number}.".encode()).blocks[0].text)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(told) == [f"Number {number}." for number in range(8)]


def test_a_child_that_cannot_start_ends_the_ingest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text("# Good\n\nFine.")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    desk = Ingest(MemoryDocumentStore(), MemoryIndex(), HashingEmbedder(), 120, 16, parse=BoundedParser(5, 800))
    with pytest.raises(ConfigurationError, match="did not start"):
        ingest(load(tmp_path), "default", Audience.PUBLIC, desk)


def test_no_secret_of_the_environment_reaches_the_child(parser: BoundedParser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKHAND_LARGE_API_KEY", "very-secret")
    read(parser, "good.md", b"# Good\n\nFine.")
    assert parser.child is not None
    assert b"very-secret" not in Path(f"/proc/{parser.child.pid}/environ").read_bytes()


def test_the_child_has_no_network() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        program = (
            "import socket, sys; from ingest.bounded_child import give_up_network\n"
            "if not give_up_network(): sys.exit(3)\n"
            f"socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), timeout=5)"
        )
        done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, check=False)
    if done.returncode == 3:
        pytest.skip("this kernel lets no process give up its network")
    assert b"unreachable" in done.stderr


def test_an_ingest_goes_on_behind_a_bomb(parser: BoundedParser, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(bomb())
    (tmp_path / "b.md").write_text("# Good\n\nThis article is fine.")
    desk = Ingest(MemoryDocumentStore(), MemoryIndex(), HashingEmbedder(), 120, 16, parse=parser)
    report = ingest(load(tmp_path), "default", Audience.PUBLIC, desk)
    assert (report.added, [problem.name for problem in report.problems]) == (1, ["a.pdf"])


def test_no_module_of_the_folder_it_is_started_in_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("mammoth", "json", "lxml"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'w')")
    monkeypatch.chdir(tmp_path)
    parser = BoundedParser(timeout_s=60, memory_mb=800)
    assert read(parser, "good.md", b"# Good\n\nFine.").blocks[0].text == "Fine."
    parser.close()
    assert not (tmp_path / "ran").exists()


def test_long_headings_do_not_multiply(parser: BoundedParser) -> None:
    document = read(parser, "long.html", b"<h1>" + b"Heading " * 10_000 + b"</h1>" + b"<p>Text.</p>" * 1_000)
    assert len(document.title) == 300
    assert {len(heading) for block in document.blocks for heading in block.heading_path} == {300}
