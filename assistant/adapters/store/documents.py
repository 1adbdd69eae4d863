"""DocumentStore: documents, versions, chunks and vectors."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from assistant.adapters.store.database import Sessions, utc
from assistant.adapters.store.tables import ChunkRow, DocumentRow, VectorRow, VersionRow
from assistant.kernel.errors import NotFound
from assistant.kernel.knowledge import (
    NO_SKETCH,
    Audience,
    Chunk,
    EmbedderIdentity,
    IndexedDocument,
    Likeness,
    ParsedDocument,
    Sketch,
    Standing,
    StoredDocument,
    indexed_as,
)
from assistant.ports import Clock, FindCopies

_IN_LIMIT = 500


class SqlDocumentStore:
    """Every method is one transaction."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions, self._clock = sessions, clock

    def hashes(self, tenant: str) -> dict[str, str]:
        """Key → fingerprint of each live document."""
        query = select(DocumentRow.key, VersionRow.fingerprint).join(*_VERSION_IN_USE).where(*_live(tenant))
        with self._sessions.read() as session:
            return {key: mark for key, mark in session.execute(query)}  # noqa: C416  (dict() cannot be typed here)

    def published(self, tenant: str) -> dict[str, str]:
        """Key → mark of each live document that belongs in an index. The mark tells versions and standings apart."""
        query = select(*_MARKED).join(*_VERSION_IN_USE).where(*_live(tenant), DocumentRow.copy_of.is_(None))
        with self._sessions.read() as session:
            return {
                key: indexed_as(fingerprint, Standing(standing))
                for key, fingerprint, standing in session.execute(query)
            }

    def leave_out(self, tenant: str, find: FindCopies) -> None:
        """Leave out what ``find`` names of the documents that share their title, and the names in their text, and no others."""
        titles = (
            select(VersionRow.title_sketch)
            .select_from(DocumentRow)
            .join(*_VERSION_IN_USE)
            .where(*_live(tenant), VersionRow.title_sketch != "")
            .group_by(VersionRow.title_sketch)
            .having(func.count() > 1)
        )
        alike = (
            select(DocumentRow, VersionRow)
            .join(*_VERSION_IN_USE)
            .where(*_live(tenant), VersionRow.title_sketch.in_(titles) | DocumentRow.copy_of.is_not(None))
            .with_for_update(of=DocumentRow)
        )
        with self._sessions.begin() as session:
            rows = session.execute(alike).all()
            copies = find([_likeness(document, version) for document, version in rows])
            for document, _ in rows:
                document.copy_of = copies.get(document.key)

    def redate(self, tenant: str, dates: Mapping[str, datetime]) -> None:
        """Keep when documents were changed, as their sources say, where the text is what it was."""
        keys = list(dates)
        with self._sessions.begin() as session:
            for start in range(0, len(keys), _IN_LIMIT):
                some = DocumentRow.key.in_(keys[start : start + _IN_LIMIT])
                query = select(DocumentRow.key, VersionRow).join(*_VERSION_IN_USE).where(*_live(tenant), some)
                for key, version in session.execute(query):
                    if version.modified_at is None or utc(version.modified_at) != dates[key]:
                        version.modified_at = dates[key].astimezone(UTC)

    def mark(self, tenant: str, document_id: str, standing: Standing, audiences: frozenset[Audience]) -> None:
        """Say what a document that ``audiences`` may read is worth. Raises NotFound."""
        with self._sessions.begin() as session:
            _readable(session.get(DocumentRow, document_id), tenant, document_id, audiences).standing = standing.value

    def put(
        self,
        tenant: str,
        audience: Audience,
        document: ParsedDocument,
        chunks: Sequence[Chunk],
        fingerprint: str,
        sketch: Sketch = NO_SKETCH,
    ) -> str:
        """Store a new version with its chunks and put it in use; returns the document's id."""
        now = self._clock.now()
        with self._sessions.begin() as session:
            row = session.scalar(
                select(DocumentRow).where(DocumentRow.tenant == tenant, DocumentRow.key == document.key)
            )
            if row is None:
                row = DocumentRow(id=uuid4().hex, tenant=tenant, key=document.key)
                session.add(row)
            version = VersionRow(
                id=uuid4().hex,
                document_id=row.id,
                sha256=document.sha256,
                fingerprint=fingerprint,
                title=document.title,
                url=document.url,
                media_type=document.media_type,
                language=document.language,
                created_at=now,
                modified_at=document.modified.astimezone(UTC) if document.modified else None,
                title_sketch=sketch.title,
                word_sketch=sketch.words,
            )
            if row.deleted_at is not None:  # What comes back is judged anew.
                row.standing, row.copy_of = Standing.CURRENT.value, None
            row.audience, row.version_id, row.updated_at, row.deleted_at = audience.value, version.id, now, None
            session.flush()
            session.add(version)
            session.flush()
            keys = [vector_key(chunk.embedding_text()) for chunk in chunks]
            session.add_all(_chunk_row(chunk, version.id, key) for chunk, key in zip(chunks, keys, strict=True))
            return row.id

    def delete(self, tenant: str, keys: Sequence[str]) -> int:
        """Mark documents deleted; returns how many were live."""
        with self._sessions.begin() as session:
            deleted = 0
            for start in range(0, len(keys), _IN_LIMIT):
                query = select(DocumentRow).where(
                    DocumentRow.tenant == tenant,
                    DocumentRow.key.in_(keys[start : start + _IN_LIMIT]),
                    DocumentRow.deleted_at.is_(None),
                )
                for row in session.scalars(query):
                    row.deleted_at = self._clock.now()
                    deleted += 1
            return deleted

    def delete_by_id(self, tenant: str, document_id: str, audiences: frozenset[Audience]) -> str:
        """Mark one document that ``audiences`` may read deleted; returns its key. Raises NotFound."""
        with self._sessions.begin() as session:
            row = _readable(session.get(DocumentRow, document_id), tenant, document_id, audiences)
            row.deleted_at = self._clock.now()
            return row.key

    def vectors(self, embedder: EmbedderIdentity, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Text → vector for those of ``texts`` that this embedder has embedded before."""
        by_key = {vector_key(text): text for text in texts}
        with self._sessions.read() as session:
            found = _load_vectors(session, list(by_key), embedder)
        return {by_key[key]: vector for key, vector in found.items()}

    def indexed(self, tenant: str, keys: Collection[str]) -> list[IndexedDocument]:
        """Those of the documents that belong in an index, with their chunks in order, by key."""
        found: dict[str, tuple[str, list[Chunk]]] = {}
        wanted = sorted(keys)
        with self._sessions.read() as session:
            for start in range(0, len(wanted), _IN_LIMIT):
                some = (
                    *_live(tenant),
                    DocumentRow.copy_of.is_(None),
                    DocumentRow.key.in_(wanted[start : start + _IN_LIMIT]),
                )
                marks = select(*_MARKED).join(*_VERSION_IN_USE).where(*some)
                found |= {
                    key: (indexed_as(mark, Standing(standing)), []) for key, mark, standing in session.execute(marks)
                }
                chunks = (
                    select(ChunkRow, DocumentRow, VersionRow)
                    .join(VersionRow, VersionRow.id == ChunkRow.version_id)
                    .join(DocumentRow, DocumentRow.version_id == VersionRow.id)
                    .where(*some)
                    .order_by(DocumentRow.key, ChunkRow.ordinal)
                )
                for row, document, version in session.execute(chunks):
                    found[document.key][1].append(_chunk(row, document, version))
        return [IndexedDocument(key, mark, tuple(chunks)) for key, (mark, chunks) in sorted(found.items())]

    def add_vectors(self, embedder: EmbedderIdentity, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Keep vectors by the text they embed."""
        with self._sessions.begin() as session:
            _add_vectors(session, {vector_key(text): vector for text, vector in vectors.items()}, embedder)

    def documents(
        self, tenant: str, audiences: frozenset[Audience], *, limit: int, after: str = ""
    ) -> list[StoredDocument]:
        """Live documents by key, ``limit`` of those whose key sorts behind ``after``."""
        query = (
            select(DocumentRow, VersionRow, func.count(ChunkRow.id))
            .join(*_VERSION_IN_USE)
            .outerjoin(ChunkRow, ChunkRow.version_id == VersionRow.id)
            .where(*_live(tenant), DocumentRow.key > after)
            .where(DocumentRow.audience.in_([audience.value for audience in audiences]))
            .group_by(DocumentRow.id, VersionRow.id)
            .order_by(DocumentRow.key)
            .limit(limit)
        )
        with self._sessions.read() as session:
            return [_listed(document, version, count) for document, version, count in session.execute(query)]


_VERSION_IN_USE = VersionRow, VersionRow.id == DocumentRow.version_id
_MARKED = DocumentRow.key, VersionRow.fingerprint, DocumentRow.standing


def _live(tenant: str) -> tuple[ColumnElement[bool], ...]:
    return DocumentRow.tenant == tenant, DocumentRow.deleted_at.is_(None)


def _readable(row: DocumentRow | None, tenant: str, document_id: str, audiences: frozenset[Audience]) -> DocumentRow:
    """The document, if ``audiences`` of ``tenant`` may know of it. Raises NotFound."""
    hidden = row is None or row.tenant != tenant or Audience(row.audience) not in audiences
    if row is None or hidden or row.deleted_at is not None:
        raise NotFound(f"there is no document {document_id!r}", fix="GET /v1/documents lists the ids.")
    return row


def _likeness(document: DocumentRow, version: VersionRow) -> Likeness:
    return Likeness(
        key=document.key,
        media_type=version.media_type,
        standing=Standing(document.standing),
        modified=utc(version.modified_at) if version.modified_at else None,
        seen=utc(version.created_at),
        sketch=Sketch(version.title_sketch, version.word_sketch or b""),
    )


def vector_key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _add_vectors(session: Session, vectors: Mapping[str, NDArray[np.float32]], embedder: EmbedderIdentity) -> None:
    """Insert those not there yet; another ingest may add the same text at the same moment."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    rows = [
        {"key": key, "embedder_sha256": embedder.sha256, "values": vector.astype("<f4").tobytes()}
        for key, vector in vectors.items()
    ]
    if rows:
        session.execute(insert(VectorRow).on_conflict_do_nothing(), rows)


def _load_vectors(session: Session, keys: Sequence[str], embedder: EmbedderIdentity) -> dict[str, NDArray[np.float32]]:
    found: dict[str, NDArray[np.float32]] = {}
    for start in range(0, len(keys), _IN_LIMIT):
        query = select(VectorRow.key, VectorRow.values).where(
            VectorRow.embedder_sha256 == embedder.sha256, VectorRow.key.in_(keys[start : start + _IN_LIMIT])
        )
        found |= {key: np.frombuffer(values, dtype="<f4") for key, values in session.execute(query)}
    return found


def _chunk_row(chunk: Chunk, version_id: str, key: str) -> ChunkRow:
    return ChunkRow(
        id=chunk.id,
        version_id=version_id,
        ordinal=chunk.ordinal,
        heading_path=list(chunk.heading_path),
        url=chunk.url,
        text=chunk.text,
        tokens=chunk.tokens,
        vector_key=key,
    )


def _chunk(row: ChunkRow, document: DocumentRow, version: VersionRow) -> Chunk:
    return Chunk(
        id=row.id,
        document_key=document.key,
        title=version.title,
        url=row.url,
        audience=Audience(document.audience),
        ordinal=row.ordinal,
        heading_path=tuple(row.heading_path),
        text=row.text,
        tokens=row.tokens,
        language=version.language,
        outdated=document.standing == Standing.OUTDATED,
    )


def _listed(document: DocumentRow, version: VersionRow, chunks: int) -> StoredDocument:
    return StoredDocument(
        id=document.id,
        key=document.key,
        title=version.title,
        url=version.url,
        audience=Audience(document.audience),
        sha256=version.sha256,
        chunks=chunks,
        updated_at=document.updated_at.isoformat(),
        modified_at=utc(version.modified_at).isoformat() if version.modified_at else "",
        standing=Standing(document.standing),
        copy_of=document.copy_of or "",
    )
