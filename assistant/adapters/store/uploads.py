"""UploadStore: documents as they were sent, kept until a job has ingested them."""

from uuid import uuid4

from assistant.adapters.store.database import Sessions
from assistant.adapters.store.tables import UploadRow
from assistant.kernel.errors import NotFound
from assistant.kernel.jobs import Upload
from assistant.kernel.knowledge import Audience
from assistant.ports import Clock


class SqlUploadStore:
    """Every method is one transaction, or part of an open one."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions, self._clock = sessions, clock

    def add(self, upload: Upload) -> str:
        """Keep a document; returns the id it waits under."""
        with self._sessions.begin() as session:
            row = UploadRow(
                id=uuid4().hex,
                tenant=upload.tenant,
                name=upload.name,
                url=upload.url,
                audience=upload.audience.value,
                data=upload.data,
                created_at=self._clock.now(),
            )
            session.add(row)
            return row.id

    def get(self, upload_id: str) -> Upload:
        """The document that waits under this id. Raises NotFound."""
        with self._sessions.read() as session:
            row = session.get(UploadRow, upload_id)
            if row is None:
                raise NotFound(f"there is no upload {upload_id!r}", fix="It was ingested already; send it again.")
            return Upload(tenant=row.tenant, name=row.name, url=row.url, audience=Audience(row.audience), data=row.data)

    def delete(self, upload_id: str) -> None:
        with self._sessions.begin() as session:
            row = session.get(UploadRow, upload_id)
            if row is not None:
                session.delete(row)
