"""The in-memory twin of DocumentStore."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

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
from assistant.ports import FindCopies


@dataclass(frozen=True)
class _Stored:
    listed: StoredDocument
    fingerprint: str
    content: tuple[Chunk, ...]
    media_type: str
    sketch: Sketch

    @property
    def key(self) -> str:
        return self.listed.key

    @property
    def outdated(self) -> bool:
        return self.listed.standing is Standing.OUTDATED

    @property
    def mark(self) -> str:
        return indexed_as(self.fingerprint, self.listed.standing)

    @property
    def indexed(self) -> IndexedDocument:
        chunks = (chunk.model_copy(update={"outdated": self.outdated}) for chunk in self.content)
        return IndexedDocument(self.key, self.mark, tuple(chunks))

    @property
    def likeness(self) -> Likeness:
        modified = datetime.fromisoformat(self.listed.modified_at) if self.listed.modified_at else None
        seen = datetime.fromisoformat(self.listed.updated_at)
        return Likeness(self.key, self.media_type, self.listed.standing, modified, seen, self.sketch)


class MemoryDocumentStore:
    def __init__(self) -> None:
        self._documents: dict[tuple[str, str], _Stored] = {}
        self._vectors: dict[tuple[str, str], NDArray[np.float32]] = {}

    def hashes(self, tenant: str) -> dict[str, str]:
        return {stored.key: stored.fingerprint for stored in self._of(tenant)}

    def published(self, tenant: str) -> dict[str, str]:
        return {stored.key: stored.mark for stored in self._of(tenant) if not stored.listed.copy_of}

    def leave_out(self, tenant: str, find: FindCopies) -> None:
        titles = Counter(stored.sketch.title for stored in self._of(tenant) if stored.sketch.title)
        copies = find([stored.likeness for stored in self._of(tenant) if titles[stored.sketch.title] > 1])
        for stored in self._of(tenant):
            self._change(tenant, stored, stored.listed._replace(copy_of=copies.get(stored.key, "")))

    def redate(self, tenant: str, dates: Mapping[str, datetime]) -> None:
        for stored in self._of(tenant):
            if moment := dates.get(stored.key):
                modified_at = moment.astimezone(UTC).isoformat()
                self._change(tenant, stored, stored.listed._replace(modified_at=modified_at))

    def mark(self, tenant: str, document_id: str, standing: Standing, audiences: frozenset[Audience]) -> None:
        stored = self._readable(tenant, document_id, audiences)
        self._change(tenant, stored, stored.listed._replace(standing=standing))

    def put(
        self,
        tenant: str,
        audience: Audience,
        document: ParsedDocument,
        chunks: Sequence[Chunk],
        fingerprint: str,
        sketch: Sketch = NO_SKETCH,
    ) -> str:
        before = self._documents.get((tenant, document.key))
        listed = StoredDocument(
            id=before.listed.id if before else uuid4().hex,
            key=document.key,
            title=document.title,
            url=document.url,
            audience=audience,
            sha256=document.sha256,
            chunks=len(chunks),
            updated_at="2026-01-01T00:00:00+00:00",
            modified_at=document.modified.astimezone(UTC).isoformat() if document.modified else "",
            standing=before.listed.standing if before else Standing.CURRENT,
            copy_of=before.listed.copy_of if before else "",
        )
        self._documents[(tenant, document.key)] = _Stored(
            listed, fingerprint, tuple(chunks), document.media_type, sketch
        )
        return listed.id

    def delete(self, tenant: str, keys: Sequence[str]) -> int:
        return sum(self._documents.pop((tenant, key), None) is not None for key in keys)

    def delete_by_id(self, tenant: str, document_id: str, audiences: frozenset[Audience]) -> str:
        key = self._readable(tenant, document_id, audiences).key
        self.delete(tenant, [key])
        return key

    def vectors(self, embedder: EmbedderIdentity, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        known = {text: self._vectors.get((embedder.sha256, text)) for text in texts}
        return {text: vector for text, vector in known.items() if vector is not None}

    def indexed(self, tenant: str, keys: Collection[str]) -> list[IndexedDocument]:
        mine = [stored for stored in self._of(tenant) if stored.key in keys and not stored.listed.copy_of]
        return [stored.indexed for stored in sorted(mine, key=lambda stored: stored.key)]

    def add_vectors(self, embedder: EmbedderIdentity, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        self._vectors |= {(embedder.sha256, text): vector for text, vector in vectors.items()}

    def documents(
        self, tenant: str, audiences: frozenset[Audience], *, limit: int, after: str = ""
    ) -> list[StoredDocument]:
        mine = [stored.listed for stored in self._of(tenant) if stored.key > after]
        return sorted((listed for listed in mine if listed.audience in audiences), key=lambda listed: listed.key)[
            :limit
        ]

    def _of(self, tenant: str) -> list[_Stored]:
        return [stored for (owner, _), stored in self._documents.items() if owner == tenant]

    def _change(self, tenant: str, stored: _Stored, listed: StoredDocument) -> None:
        self._documents[(tenant, stored.key)] = replace(stored, listed=listed)

    def _readable(self, tenant: str, document_id: str, audiences: frozenset[Audience]) -> _Stored:
        for stored in self._of(tenant):
            if stored.listed.id == document_id and stored.listed.audience in audiences:
                return stored
        raise NotFound(f"there is no document {document_id!r}")
