"""Snapshot folders: damage is refused, a crash leaves the old one, two writers exclude each other."""

import fcntl
import itertools
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from assistant.adapters.memory.models import HashingEmbedder, ManualClock
from assistant.adapters.snapshot.generation import KEPT
from assistant.adapters.snapshot.reader import FolderIndexReader, FolderSnapshot
from assistant.adapters.snapshot.writer import FolderIndexWriter
from assistant.kernel.errors import DiskFailed, InputError, SnapshotMismatch, WriterBusy
from assistant.kernel.knowledge import IndexedDocument
from assistant.ports import IndexChange
from tests.contracts.test_index import BOTH, EMBEDDER, PUBLIC, TEXTS, change, chunk, vectors

KILLED = 9


def publish(root: Path, clock: ManualClock, *names: str, wait_s: float = 30.0) -> int:
    """These documents and no others."""
    writer = FolderIndexWriter(root, clock, wait_s)
    return writer.publish("t1", change(*names, whole=True), EMBEDDER.identity, "test-1").generation


def opened(root: Path) -> FolderSnapshot:
    snapshot = FolderIndexReader(root, EMBEDDER.identity).snapshot("t1")
    assert snapshot is not None
    return snapshot


def parts(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "t1" / "parts").iterdir())


@pytest.mark.parametrize(
    "name",
    [
        "parts/segment-1-1/texts.sqlite",
        "parts/segment-1-1/words-public.rows.npy",
        "parts/vectors-1-2/vectors-public.faiss",
        "gen-2/segment-1-1.dead.npy",
        "gen-2/manifest.json",
    ],
)
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_snapshot_is_refused_with_the_way_out(
    tmp_path: Path, clock: ManualClock, name: str, damage: str
) -> None:
    publish(tmp_path, clock, "returns", "descale")
    gone = change(removed=["doc:descale"])
    FolderIndexWriter(tmp_path, clock).publish("t1", gone, EMBEDDER.identity, "test-1")
    path = tmp_path / "t1" / name
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-7])
    else:
        path.unlink()
    with pytest.raises(SnapshotMismatch) as raised:
        FolderIndexReader(tmp_path, EMBEDDER.identity).snapshot("t1")
    assert "--rebuild" in raised.value.fix
    assert publish(tmp_path, clock, "returns") == 3, "which is what --rebuild does"
    assert opened(tmp_path).manifest.documents == 1


def test_a_snapshot_of_another_embedder_is_refused(tmp_path: Path, clock: ManualClock) -> None:
    publish(tmp_path, clock, "returns")
    with pytest.raises(SnapshotMismatch, match="was embedded with"):
        FolderIndexReader(tmp_path, HashingEmbedder(dimension=8).identity).snapshot("t1")


def test_a_writer_that_dies_at_any_step_leaves_the_old_snapshot_or_the_new_one_and_is_not_in_the_way(
    tmp_path: Path, clock: ManualClock
) -> None:
    """Each step is what reaches the disk: a file or folder that is made, synced, renamed or removed."""
    names, ended = {"returns", "goodwill"}, KILLED
    for step in itertools.count(1):
        if ended != KILLED:
            break
        root = tmp_path / str(step)
        for name in ("returns", "descale"):
            FolderIndexWriter(root, clock).publish("t1", change(name), EMBEDDER.identity, "test-1")
        ended = _killed_at(step, lambda root=root: _one_in_one_out_and_tidied(root, clock))  # type: ignore[misc]
        found = set(opened(root).chunks(BOTH, [*TEXTS]))
        assert found in ({"returns", "descale"}, names), f"killed at step {step}"
        _one_in_one_out_and_tidied(root, clock)
        assert set(opened(root).chunks(BOTH, [*TEXTS])) == names
        held = {part for entry in opened(root).manifest.segments for part in (entry.name, *entry.vectors)}
        assert held <= set(parts(root))
    assert step > 20
    assert ended == 0


def _one_in_one_out_and_tidied(root: Path, clock: ManualClock) -> None:
    writer = FolderIndexWriter(root, clock)
    writer.publish("t1", change("goodwill", removed=["doc:descale"]), EMBEDDER.identity, "test-1")
    writer.tidy("t1")


def _killed_at(step: int, work: Callable[[], None]) -> int:
    """Do ``work`` in a process that ends like a killed one at the so-manieth step; its exit status."""
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    steps = itertools.count(1)

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*args: Any, **options: Any) -> Any:
            if next(steps) == step:
                os._exit(KILLED)
            return function(*args, **options)

        return stepped

    for owner, name in ((os, "fsync"), (os, "mkdir"), (os, "rmdir"), (Path, "rename"), (Path, "write_text"),
                        (np, "save"), (faiss, "write_index"), (sqlite3, "connect")):  # fmt: skip
        setattr(owner, name, counted(getattr(owner, name)))
    try:
        work()
    except BaseException:
        os._exit(1)
    os._exit(0)


def test_generations_share_what_did_not_change_and_old_ones_go(tmp_path: Path, clock: ManualClock) -> None:
    writer = FolderIndexWriter(tmp_path, clock)
    empty = [IndexedDocument(f"empty {number}", "1", ()) for number in range(KEPT + 2)]
    first = change("returns", "goodwill", whole=True)
    writer.publish("t1", first._replace(documents=[*first.documents, *empty]), EMBEDDER.identity, "test-1")
    for document in empty:
        writer.hide("t1", [document.key])
        assert parts(tmp_path) == ["segment-1-1", "vectors-1-2"]
    kept = {path.name for path in (tmp_path / "t1").glob("gen-*")}
    assert kept == {f"gen-{number}" for number in range(4, 4 + KEPT)}


def another_version(root: Path, clock: ManualClock, fingerprint: int) -> None:
    document = IndexedDocument("doc:returns", str(fingerprint), (chunk("returns"),))
    new = IndexChange([document], vectors=vectors("returns"), whole=True)
    FolderIndexWriter(root, clock).publish("t1", new, EMBEDDER.identity, "test-1")


def test_what_no_generation_has_any_more_is_removed(tmp_path: Path, clock: ManualClock) -> None:
    for number in range(KEPT + 3):
        another_version(tmp_path, clock, number)
    assert len(parts(tmp_path)) == 2 * KEPT
    publish(tmp_path, clock, "descale")
    publish(tmp_path, clock, "descale")
    assert len(parts(tmp_path)) == 2 * KEPT, "of two with the same documents the newest is kept"


def test_many_small_changes_are_put_together(tmp_path: Path, clock: ManualClock) -> None:
    writer = FolderIndexWriter(tmp_path, clock)
    for _ in range(4):
        for name in TEXTS:
            writer.publish("t1", change(name), EMBEDDER.identity, "test-1")
            assert writer.tidy("t1").documents == len(writer.documents("t1"))
    (entry,) = opened(tmp_path).manifest.segments
    assert (entry.chunks, entry.dead, entry.waiting, len(entry.vectors)) == (3, 0, 0, 1)


def test_vectors_that_came_later_are_kept_when_segments_are_put_together(tmp_path: Path, clock: ManualClock) -> None:
    writer = FolderIndexWriter(tmp_path, clock)
    writer.publish("t1", change("returns", "goodwill", embedded=False), EMBEDDER.identity, "test-1")
    writer.attach("t1", vectors("goodwill"), EMBEDDER.identity)
    writer.publish("t1", change("descale", embedded=False), EMBEDDER.identity, "test-1")
    writer.attach("t1", vectors("descale"), EMBEDDER.identity)
    manifest = writer.tidy("t1")
    assert [entry.waiting for entry in manifest.segments] == [1]
    for name in ("goodwill", "descale"):
        vector = vectors(name)[chunk(name).embedding_text()]
        assert opened(tmp_path).similarities(vector, BOTH, [name]) == {name: pytest.approx(1.0)}
    assert opened(tmp_path).similarities(vector, BOTH, ["returns"]) == {}


def test_rolling_back_shows_what_was_there_before_and_the_next_change_goes_on_from_it(
    tmp_path: Path, clock: ManualClock
) -> None:
    reader, writer = FolderIndexReader(tmp_path, EMBEDDER.identity), FolderIndexWriter(tmp_path, clock)
    for name in ("returns", "descale", "goodwill"):
        writer.publish("t1", change(name), EMBEDDER.identity, "test-1")
    for generation, names in ((2, {"returns", "descale"}), (1, {"returns"})):
        manifest, snapshot = writer.roll_back("t1"), reader.snapshot("t1")
        assert manifest is not None
        assert snapshot is not None
        assert manifest.generation == generation
        assert set(snapshot.chunks(BOTH, [*TEXTS])) == names
    assert writer.roll_back("t1") is None
    assert writer.publish("t1", change("goodwill"), EMBEDDER.identity, "test-1").generation == 4
    assert set(opened(tmp_path).chunks(BOTH, [*TEXTS])) == {"returns", "goodwill"}
    again = writer.roll_back("t1")
    assert again is not None
    assert again.generation == 1, "what was rolled back from is not gone back to"


def test_a_damaged_snapshot_is_not_rolled_back_to(tmp_path: Path, clock: ManualClock) -> None:
    publish(tmp_path, clock, "returns")
    publish(tmp_path, clock, "descale")
    (tmp_path / "t1" / "parts" / "segment-1-1" / "texts.sqlite").unlink()
    with pytest.raises(SnapshotMismatch):
        FolderIndexWriter(tmp_path, clock).roll_back("t1")
    assert set(opened(tmp_path).chunks(BOTH, [*TEXTS])) == {"descale"}


def test_another_embedder_s_vectors_are_never_mixed_in(tmp_path: Path, clock: ManualClock) -> None:
    publish(tmp_path, clock, "returns")
    writer, other = FolderIndexWriter(tmp_path, clock), HashingEmbedder(dimension=8).identity
    with pytest.raises(WriterBusy, match="meanwhile"):
        writer.publish("t1", change("descale", embedded=False), other, "test-1")
    with pytest.raises(WriterBusy, match="meanwhile"):
        writer.attach("t1", {}, other)
    assert writer.publish("t1", change("descale", whole=True, embedded=False), other, "test-1").embedder == other


def test_a_folder_that_was_lost_and_made_anew_is_read_anew(tmp_path: Path, clock: ManualClock) -> None:
    reader = FolderIndexReader(tmp_path, EMBEDDER.identity)
    for name in ("returns", "descale"):
        assert publish(tmp_path, clock, name) == 1
        snapshot = reader.snapshot("t1")
        assert snapshot is not None
        assert set(snapshot.chunks(BOTH, [*TEXTS])) == {name}
        shutil.rmtree(tmp_path / "t1")


def test_a_reader_keeps_what_it_opened_when_parts_are_gone(tmp_path: Path, clock: ManualClock) -> None:
    publish(tmp_path, clock, "returns")
    held = opened(tmp_path)
    for number in range(KEPT):
        another_version(tmp_path, clock, number)
    assert "segment-1-1" not in parts(tmp_path)
    assert held.chunks(PUBLIC, ["returns"]) == {"returns": chunk("returns")}
    vector = vectors("returns")[chunk("returns").embedding_text()]
    assert [found for found, _ in held.dense(vector, PUBLIC, 3)] == ["returns"]
    assert [found for found, _ in held.lexical({"return": 1.0}, PUBLIC, 3)] == ["returns"]


def test_two_writers_of_a_tenant_exclude_each_other(tmp_path: Path, clock: ManualClock) -> None:
    publish(tmp_path, clock, "returns")
    with (tmp_path / "t1" / "LOCK").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(WriterBusy):
            publish(tmp_path, clock, "descale", wait_s=0.1)
    assert publish(tmp_path, clock, "descale") == 2


def test_an_empty_tenant_name_or_a_path_cannot_leave_the_folder(tmp_path: Path, clock: ManualClock) -> None:
    for tenant in ("../outside", "", "a/b", "."):
        with pytest.raises(InputError, match="tenant"):
            FolderIndexWriter(tmp_path / "snapshots", clock).publish(tenant, change(), EMBEDDER.identity, "t")
        with pytest.raises(InputError, match="tenant"):
            FolderIndexReader(tmp_path / "snapshots", EMBEDDER.identity).snapshot(tenant)


def test_a_disk_that_fails_leaves_the_old_snapshot_and_no_remains(tmp_path: Path, clock: ManualClock) -> None:
    """Files may not grow beyond some bytes in a process of its own, as on a disk that is full."""
    publish(tmp_path, clock, "returns")
    kept = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    limited = (
        "import resource, signal, sys; from pathlib import Path; from assistant.adapters.memory.models import ManualClock\n"
        "from assistant.kernel.errors import DiskFailed; from tests.store.test_snapshots_on_disk import publish\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))\n"
        "try: publish(Path(sys.argv[1]), ManualClock(), 'returns', 'descale')\n"
        "except DiskFailed as error: sys.exit(f'{error}: {error.retry_after_s}')\n"
    )
    done = subprocess.run([sys.executable, "-c", limited, tmp_path], check=False, capture_output=True, text=True)
    assert "the snapshot of tenant 't1' cannot be written" in done.stderr
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == kept
    assert publish(tmp_path, clock, "returns", "descale") == 2


def test_a_disk_without_room_is_told_as_something_that_passes(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "t1").write_text("a file where the folder should be")
    with pytest.raises(DiskFailed) as raised:
        publish(tmp_path, clock, "returns")
    assert raised.value.retry_after_s > 0


def test_only_one_embeds_what_waits(tmp_path: Path, clock: ManualClock) -> None:
    publish(tmp_path, clock, "returns")
    one, other = FolderIndexWriter(tmp_path, clock), FolderIndexWriter(tmp_path, clock)
    with one.embedding("t1") as first:
        with other.embedding("t1") as second:
            assert (first, second) == (True, False)
        with other.embedding("t2") as elsewhere:
            assert elsewhere
    with other.embedding("t1") as later:
        assert later
