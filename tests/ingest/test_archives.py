"""Archives: what is in them is read as if it stood in a folder; what was made to harm is refused by name."""

import gzip
import io
import json
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from assistant.adapters.memory.documents import MemoryDocumentStore
from assistant.adapters.memory.index import MemoryIndex
from assistant.adapters.memory.models import HashingEmbedder
from assistant.kernel.knowledge import Audience, Problem
from ingest.load import count, load, load_upload, root_key
from ingest.pipeline import Ingest, ingest
from ingest.sources import archive as archives
from ingest.sources.source import Source

FILES = {
    "centre/returns.md": b"# Returns\n\nWithin thirty days.",
    "centre/parcels.html": b"<h1>Parcels</h1><p>They leave at nine.</p>",
    "kb.jsonl": b"\n".join(json.dumps({"_id": each, "text": f"Row {each}."}).encode() for each in "ab"),
    "centre/logo.png": b"\x89PNG",
    ".git/config": b"x",
}


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def found(path: Path) -> tuple[list[Source], list[Problem]]:
    items = list(load(path))
    return [item for item in items if isinstance(item, Source)], [item for item in items if isinstance(item, Problem)]


@pytest.mark.parametrize(
    ("name", "data"),
    [("docs.zip", zipped(FILES)), ("DOCS.TAR", tarred(FILES)), ("docs.tar.gz", tarred(FILES, "w:gz")), ("d.TGZ", tarred(FILES, "w:gz"))],
)  # fmt: skip
def test_documents_of_an_archive_are_those_of_a_folder(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    sources, problems = found(path)
    assert problems == []
    assert [source.name for source in sources] == [
        f"{name}/centre/returns.md", f"{name}/centre/parcels.html", f"{name}/kb.jsonl:1", f"{name}/kb.jsonl:2",
    ]  # fmt: skip
    assert sources[0].key == f"{path.as_uri()}#centre/returns.md"
    assert sources[2].key == f"{path.as_uri()}#kb.jsonl#a"
    assert all(source.key.startswith(root_key(path)) for source in sources)
    assert count(path) == 1


def test_what_is_gone_from_an_archive_is_deleted(tmp_path: Path) -> None:
    desk = Ingest(MemoryDocumentStore(), MemoryIndex(), HashingEmbedder(), chunk_tokens=120, overlap_tokens=16)
    path = tmp_path / "docs.zip"
    for files, left in ((FILES, 4), ({"centre/returns.md": FILES["centre/returns.md"]}, 1)):
        path.write_bytes(zipped(files))
        assert ingest(load(path), "default", Audience.PUBLIC, desk, roots=[root_key(path)]).documents == left
    path.write_bytes(b"PK\x03\x04 cut")
    report = ingest(load(path), "default", Audience.PUBLIC, desk, roots=[root_key(path)])
    assert (report.documents, report.deleted, len(report.problems)) == (1, 0, 1)


@pytest.mark.parametrize("name", ["../out.md", "/etc/passwd.md", "a/../../out.md", "C:/out.md", "..\\out.md"])
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_names_that_lead_out_are_refused_and_nothing_is_written(tmp_path: Path, name: str, pack: object) -> None:
    assert callable(pack)
    path = tmp_path / ("docs.zip" if pack is zipped else "docs.tar")
    path.write_bytes(pack({name: b"x", "good.md": b"Good."}))
    sources, problems = found(path)
    assert [source.name for source in sources] == [f"{path.name}/good.md"]
    assert [problem.reason for problem in problems] == ["its name leads out of the archive"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_bomb_is_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "docs.zip"
    path.write_bytes(zipped({"a.txt": b" word" * 60_000_000, "nested.zip": zipped(FILES), "good.md": b"Good."}))
    sources, problems = found(path)
    assert [source.name for source in sources] == ["docs.zip/good.md"]
    assert "times its size" in problems[0].reason
    assert "archive within an archive" in problems[1].reason


def test_a_packed_stream_ends_where_it_unpacks_without_end(tmp_path: Path) -> None:
    path = tmp_path / "docs.tar.gz"
    path.write_bytes(tarred({"good.md": b"Good.", "a.txt": b"\0" * 200_000_000}, "w:gz"))
    sources, problems = found(path)
    assert [source.name for source in sources] == ["docs.tar.gz/good.md"]
    assert any(f"more than {archives.MAX_RATIO} times its size" in problem.reason for problem in problems)


def test_links_and_devices_in_an_archive_lead_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "docs.tar"
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("secret.md")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        device = tarfile.TarInfo("zero.md")
        device.type = tarfile.CHRTYPE
        archive.addfile(device)
    sources, problems = found(path)
    assert (sources, [problem.name for problem in problems]) == ([], ["docs.tar/secret.md"])
    link_in_zip = zipfile.ZipInfo("secret.md")
    link_in_zip.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "docs.zip", "w") as zip_file:
        zip_file.writestr(link_in_zip, "/etc/passwd")
    assert [source.data for source in found(tmp_path / "docs.zip")[0]] == [b"/etc/passwd"]


@pytest.mark.parametrize("name", ["docs.zip", "docs.tar", "docs.tar.gz"])
@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 not a zip", b"\x1f\x8b\x08 cut", b"x" * 2_000])
def test_what_is_no_archive_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    (tmp_path / "good.md").write_text("Good.")
    sources, problems = found(tmp_path)
    assert [source.name for source in sources] == ["good.md"]
    assert [problem.name for problem in problems] == [name]


def test_a_cut_archive_gives_what_could_be_read(tmp_path: Path) -> None:
    path = tmp_path / "docs.tar.gz"
    whole = tarred({f"{number}.md": f"Article {number}.".encode() * 50 for number in range(100)})
    path.write_bytes(gzip.compress(whole)[:-600])
    sources, problems = found(path)
    assert 0 < len(sources) < 100
    assert "unpacked" in problems[-1].reason


def test_a_file_with_a_wrong_sum_is_named(tmp_path: Path) -> None:
    data = zipped({"a.md": b"Article one.", "b.md": b"Article two."})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        place = archive.getinfo("a.md").header_offset + 30 + len("a.md")
    path = tmp_path / "docs.zip"
    path.write_bytes(data[:place] + b"\xff\xff" + data[place + 2 :])
    sources, problems = found(path)
    assert [source.name for source in sources] == ["docs.zip/b.md"]
    assert [problem.name for problem in problems] == ["docs.zip/a.md"]


def test_an_encrypted_file_and_a_name_that_stands_twice_are_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "docs.zip", "w") as archive:
        archive.writestr("a.md", "First.")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.md", "Second.")
        archive.writestr("b.md", "Locked.")
    data = bytearray((tmp_path / "docs.zip").read_bytes())
    place = data.rindex(b"PK\x01\x02")
    data[place + 8] |= 1  # The flag of encryption, in the directory's entry of b.md.
    (tmp_path / "docs.zip").write_bytes(data)
    sources, problems = found(tmp_path / "docs.zip")
    assert [source.data for source in sources] == [b"First."]
    assert [problem.reason for problem in problems] == [
        "it stands twice in the archive; the first was kept",
        "it is encrypted",
    ]


def test_an_uploaded_archive_leads_readers_below_its_address() -> None:
    items = list(load_upload("docs.zip", zipped(FILES), "https://help.shop.example/", Audience.INTERNAL))
    assert [item.key for item in items][:2] == [
        "upload-internal:docs.zip#centre/returns.md", "upload-internal:docs.zip#centre/parcels.html",
    ]  # fmt: skip
    assert isinstance(items[0], Source)
    assert items[0].url == "https://help.shop.example/centre/returns.md"


def test_an_archive_of_pictures_says_that_it_holds_no_document(tmp_path: Path) -> None:
    path = tmp_path / "docs.zip"
    path.write_bytes(zipped({"logo.png": b"\x89PNG"}))
    assert [problem.reason for problem in found(path)[1]] == ["no document was found in it"]


def test_a_member_that_cannot_be_unpacked_is_named_and_the_next_is_read(tmp_path: Path) -> None:
    path = tmp_path / "docs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, method in (
            ("odd.md", zipfile.ZIP_DEFLATED),
            ("broken.md", zipfile.ZIP_LZMA),
            ("good.md", zipfile.ZIP_STORED),
        ):
            archive.writestr(name, f"Text of {name}. " * 50, compress_type=method)
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(mark) + offset] = 9  # Deflate64, which nobody here unpacks.
    place = data.index(b"broken.md") + len("broken.md")
    data[place + 12 : place + 40] = b"\xff" * 28
    path.write_bytes(data)
    sources, problems = found(path)
    assert [source.name for source in sources] == ["docs.zip/good.md"]
    assert [problem.name for problem in problems] == ["docs.zip/odd.md", "docs.zip/broken.md"]


def test_rows_of_a_refused_member_stay(tmp_path: Path) -> None:
    desk = Ingest(MemoryDocumentStore(), MemoryIndex(), HashingEmbedder(), chunk_tokens=120, overlap_tokens=16)
    path = tmp_path / "docs.zip"
    path.write_bytes(zipped(FILES))
    assert ingest(load(path), "default", Audience.PUBLIC, desk, roots=[root_key(path)]).documents == 4
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02", data.rindex(b"parcels.html")) + 8] |= 1  # kb.jsonl is encrypted now.
    path.write_bytes(data)
    report = ingest(load(path), "default", Audience.PUBLIC, desk, roots=[root_key(path)])
    assert (report.documents, report.deleted, [problem.reason for problem in report.problems]) == (
        4,
        0,
        ["it is encrypted"],
    )


def test_a_name_without_end_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "docs.tar.gz"
    path.write_bytes(tarred({"good.md": b"Good.", "a" * 2_000_000 + ".md": b"x"}, "w:gz"))
    sources, problems = found(path)
    assert [source.name for source in sources] == ["docs.tar.gz/good.md"]
    assert "too long" in problems[-1].reason


def test_members_that_stand_upon_each_other_are_not_unpacked_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_UNPACKED_BYTES", 1_000)
    path = tmp_path / "docs.zip"
    path.write_bytes(zipped({f"{number}.md": b"x" * 400 for number in range(9)}))
    sources, problems = found(path)
    assert len(sources) == 2
    assert "unpacks to more than" in problems[-1].reason


def test_names_have_one_form_and_a_colon_is_no_drive(tmp_path: Path) -> None:
    path = tmp_path / "docs.zip"
    path.write_bytes(zipped({"./a.md": b"One.", "a.md": b"Two.", "FAQ: b.md": b"Three."}))
    sources, problems = found(path)
    assert [source.name for source in sources] == ["docs.zip/a.md", "docs.zip/FAQ: b.md"]
    assert [problem.name for problem in problems] == ["docs.zip/a.md"]
