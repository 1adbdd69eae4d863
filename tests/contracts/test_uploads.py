"""Every UploadStore; and, on a database, a cause and its job as one."""

from collections.abc import Callable

import pytest

from assistant.adapters.memory.jobs import MemoryUploadStore
from assistant.adapters.memory.models import ManualClock
from assistant.adapters.store.database import Sessions
from assistant.adapters.store.jobs import SqlJobStore
from assistant.adapters.store.uploads import SqlUploadStore
from assistant.kernel.errors import NotFound
from assistant.kernel.jobs import JobName, Upload
from assistant.kernel.knowledge import Audience
from assistant.ports import UploadStore

UPLOAD = Upload(tenant="t1", name="returns.md", url="", audience=Audience.INTERNAL, data=b"# Returns\n\xff")


@pytest.fixture
def uploads(backend: str, sessions: Callable[[], Sessions], clock: ManualClock) -> UploadStore:
    return MemoryUploadStore() if backend == "memory" else SqlUploadStore(sessions(), clock)


def test_an_upload_waits_byte_for_byte_until_it_is_deleted(uploads: UploadStore) -> None:
    upload_id = uploads.add(UPLOAD)
    assert uploads.get(upload_id) == UPLOAD
    uploads.delete(upload_id)
    uploads.delete(upload_id)
    with pytest.raises(NotFound):
        uploads.get(upload_id)


@pytest.mark.parametrize("backend", ["sqlite", "postgres"], indirect=True)
def test_what_is_written_together_is_kept_whole_or_not_at_all(
    sessions: Callable[[], Sessions], clock: ManualClock
) -> None:
    database = sessions()
    uploads, jobs = SqlUploadStore(database, clock), SqlJobStore(database, clock)
    with pytest.raises(OSError, match="cut off"), database.together():
        upload_id = uploads.add(UPLOAD)
        jobs.add("t1", JobName.INGEST_UPLOAD, upload_id)
        assert uploads.get(upload_id) == UPLOAD
        raise OSError("cut off")
    assert jobs.due() == []
    with pytest.raises(NotFound):
        uploads.get(upload_id)


@pytest.mark.parametrize("backend", ["sqlite", "postgres"], indirect=True)
def test_an_effect_and_its_job_s_end_are_one(sessions: Callable[[], Sessions], clock: ManualClock) -> None:
    database = sessions()
    uploads, jobs = SqlUploadStore(database, clock), SqlJobStore(database, clock)
    job = jobs.claim(jobs.add("t1", JobName.INGEST_UPLOAD, uploads.add(UPLOAD)).id)
    assert job is not None
    with pytest.raises(OSError, match="cut off"), jobs.settling(job, "done"):
        uploads.delete(job.subject)
        raise OSError("cut off")
    assert uploads.get(job.subject) == UPLOAD
    with jobs.settling(job, "done"):
        uploads.delete(job.subject)
    with pytest.raises(NotFound):
        uploads.get(job.subject)
