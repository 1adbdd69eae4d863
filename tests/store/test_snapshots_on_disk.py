"""Snapshot folders: damage is refused, a crash leaves the old one, two writers exclude each other."""

import fcntl
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from assistant.adapters.memory.models import HashingEmbedder, ManualClock
from assistant.adapters.snapshot.reader import FolderIndexReader
from assistant.adapters.snapshot.writer import KEPT, FolderIndexWriter
from assistant.kernel.errors import DiskFailed, InputError, SnapshotMismatch, WriterBusy
from tests.contracts.test_index import PUBLIC, chunk

EMBEDDER = HashingEmbedder()


def publish(root: Path, clock: ManualClock, *names: str, wait_s: float = 30.0) -> int:
    chunks = [chunk(name) for name in names]
    vectors = EMBEDDER.embed([item.embedding_text() for item in chunks])
    writer = FolderIndexWriter(root, clock, wait_s)
    return writer.publish("t1", chunks, vectors, EMBEDDER.identity, dict.fromkeys(names, "1"), "test-1").generation


@pytest.mark.parametrize("name", ["texts.sqlite", "words-public.rows.npy", "vectors-public.faiss", "manifest.json"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_snapshot_is_refused_with_the_way_out(
    tmp_path: Path, clock: ManualClock, name: str, damage: str
) -> None:
    publish(tmp_path, clock, "returns")
    path = tmp_path / "t1" / "gen-1" / name
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-7])
    else:
        path.unlink()
    with pytest.raises(SnapshotMismatch) as raised:
        FolderIndexReader(tmp_path, EMBEDDER.identity).snapshot("t1")
    assert "--rebuild" in raised.value.fix


def test_a_snapshot_of_another_embedder_is_refused(tmp_path: Path, clock: ManualClock) -> None:
    publish(tmp_path, clock, "returns")
    with pytest.raises(SnapshotMismatch, match="was embedded with"):
        FolderIndexReader(tmp_path, HashingEmbedder(dimension=8).identity).snapshot("t1")


def test_a_writer_that_died_half_way_is_not_seen_and_not_in_the_way(tmp_path: Path, clock: ManualClock) -> None:
    publish(tmp_path, clock, "returns")
    half = tmp_path / "t1" / "tmp-2"
    half.mkdir()
    (half / "texts.sqlite").write_bytes(b"half")
    snapshot = FolderIndexReader(tmp_path, EMBEDDER.identity).snapshot("t1")
    assert snapshot is not None
    assert snapshot.manifest.generation == 1
    assert publish(tmp_path, clock, "descale") == 2
    assert not half.exists()


def test_the_generation_before_is_kept_and_older_ones_are_not(tmp_path: Path, clock: ManualClock) -> None:
    for _ in range(4):
        publish(tmp_path, clock, "returns")
    kept = sorted(path.name for path in (tmp_path / "t1").glob("gen-*"))
    assert kept == ["gen-3", "gen-4"]
    assert len(kept) == KEPT


def test_rolling_back_is_writing_the_pointer(tmp_path: Path, clock: ManualClock) -> None:
    publish(tmp_path, clock, "returns")
    publish(tmp_path, clock, "descale")
    reader = FolderIndexReader(tmp_path, EMBEDDER.identity)
    (tmp_path / "t1" / "CURRENT").write_text("gen-1")
    snapshot = reader.snapshot("t1")
    assert snapshot is not None
    assert set(snapshot.chunks(PUBLIC, ["returns", "descale"])) == {"returns"}


def test_two_writers_of_a_tenant_exclude_each_other(tmp_path: Path, clock: ManualClock) -> None:
    publish(tmp_path, clock, "returns")
    with (tmp_path / "t1" / "LOCK").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(WriterBusy):
            publish(tmp_path, clock, "descale", wait_s=0.1)
    assert publish(tmp_path, clock, "descale") == 2


def test_an_empty_tenant_name_or_a_path_cannot_leave_the_folder(tmp_path: Path, clock: ManualClock) -> None:
    empty = np.zeros((0, EMBEDDER.identity.dimension), dtype=np.float32)
    for tenant in ("../outside", "", "a/b", "."):
        with pytest.raises(InputError, match="tenant"):
            FolderIndexWriter(tmp_path / "snapshots", clock).publish(tenant, [], empty, EMBEDDER.identity, {}, "t")
        with pytest.raises(InputError, match="tenant"):
            FolderIndexReader(tmp_path / "snapshots", EMBEDDER.identity).snapshot(tenant)


def test_a_disk_that_fails_leaves_the_old_snapshot_and_no_remains(tmp_path: Path, clock: ManualClock) -> None:
    """Files may not grow beyond some bytes in a process of its own, as on a disk that is full."""
    publish(tmp_path, clock, "returns")
    kept = sorted(path.name for path in (tmp_path / "t1").iterdir())
    limited = (
        "import resource, signal, sys; from pathlib import Path; from assistant.adapters.memory.models import ManualClock\n"
        "from assistant.kernel.errors import DiskFailed; from tests.store.test_snapshots_on_disk import publish\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))\n"
        "try: publish(Path(sys.argv[1]), ManualClock(), 'returns', 'descale')\n"
        "except DiskFailed as error: sys.exit(f'{error}: {error.retry_after_s}')\n"
    )
    done = subprocess.run([sys.executable, "-c", limited, tmp_path], check=False, capture_output=True, text=True)
    assert "the snapshot of tenant 't1' cannot be written" in done.stderr
    assert sorted(path.name for path in (tmp_path / "t1").iterdir()) == kept
    assert publish(tmp_path, clock, "returns", "descale") == 2


def test_a_disk_without_room_is_told_as_something_that_passes(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "t1").write_text("a file where the folder should be")
    with pytest.raises(DiskFailed) as raised:
        publish(tmp_path, clock, "returns")
    assert raised.value.retry_after_s > 0
