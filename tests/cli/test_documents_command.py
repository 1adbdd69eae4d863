"""``deskhand documents``: near-duplicates are shown, and what is outdated sinks."""

import json
import os
from pathlib import Path

import pytest

from tests.cli.test_commands import deskhand
from tests.conftest import HELP_CENTRE

pytestmark = pytest.mark.models


def test_going_back_shows_a_version_that_was_left_out_since_and_nothing_that_became_internal(tmp_path: Path) -> None:
    environment = os.environ | {"DESKHAND_DATA_DIR": str(tmp_path / "data"), "COLUMNS": "120"}
    folder, text = tmp_path / "kb", (HELP_CENTRE / "returns-2026-current.md").read_text()
    folder.mkdir()

    def write(name: str, text: str, year: int) -> None:
        (folder / name).write_text(text)
        os.utime(folder / name, (31_556_952 * (year - 1970),) * 2)

    def ingest(*more: str) -> str:
        done = deskhand(environment, "ingest", str(folder), *more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def found() -> set[str]:
        hits = json.loads(deskhand(environment, "search", "Can I return an opened machine?", "--json").stdout)
        return {hit["chunk"]["document_key"].rsplit("/", 1)[-1] for hit in hits}

    write("old.md", text, 2021)
    write("secret.md", "# Goodwill\n\nAn opened machine can be returned when the customer is a hotel.\n", 2021)
    ingest()
    write("new.md", text.replace("30 days", "20 days"), 2026)
    assert "1 near-duplicates are left out" in ingest()
    assert found() == {"new.md", "secret.md"}
    for number in range(4):
        write(f"copy-{number}.md", text, 2000 + number)
    ingest("--audience", "internal")
    assert found() == set()
    done = deskhand(environment, "index", "rollback")
    assert done.returncode == 1
    assert "no earlier snapshot" in done.stderr, "all of it is for agents now"
    assert found() == set()
    ingest()
    (folder / "new.md").unlink()
    ingest()
    assert found() == {"old.md", "secret.md"}
    write("new.md", text.replace("30 days", "20 days"), 2026)
    ingest()
    assert deskhand(environment, "index", "rollback").returncode == 0
    assert found() == {"old.md", "secret.md"}, "what was left out for another since is not deleted"


def test_copies_are_listed_and_what_is_marked_sinks(tmp_path: Path) -> None:
    environment = os.environ | {"DESKHAND_DATA_DIR": str(tmp_path / "data"), "COLUMNS": "120"}
    folder = tmp_path / "kb"
    folder.mkdir()
    for name in ("returns-2021-outdated.md", "returns-2026-current.md"):
        (folder / name).write_bytes((HELP_CENTRE / name).read_bytes())
    (folder / "returns-copy.md").write_bytes((HELP_CENTRE / "returns-2026-current.md").read_bytes())
    os.utime(folder / "returns-copy.md", (0, 0))
    assert deskhand(environment, "ingest", str(folder)).returncode == 0
    (copy,) = json.loads(deskhand(environment, "documents", "list", "--copies", "--json").stdout)
    assert (copy["key"][-15:], copy["copy_of"][-23:]) == ("returns-copy.md", "returns-2026-current.md")
    assert "left out for" in deskhand(environment, "documents", "list").stdout

    def found() -> list[str]:
        hits = json.loads(
            deskhand(environment, "search", "Is it 14 days to return an order, unopened?", "--json").stdout
        )
        return [hit["chunk"]["title"] for hit in hits]

    assert found()[0] == "Returning an order"
    old = (folder / "returns-2021-outdated.md").as_uri()
    marked = deskhand(environment, "documents", "mark", old, "outdated")
    assert marked.stdout == "Returning an order is outdated. Snapshot 4.\n", marked.stderr
    assert found()[0] == "Returns and refunds"
    assert "(outdated)" in deskhand(environment, "search", "Is it 14 days to return an order, unopened?").stdout
    nobody = deskhand(environment, "documents", "mark", "nobody", "outdated")
    assert (nobody.returncode, "there is no document" in nobody.stderr) == (1, True)
