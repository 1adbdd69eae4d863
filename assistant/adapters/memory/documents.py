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
)
from assistant.ports import StoredDocument


@dataclass(frozen=True)
class _Stored:
    id: str
    key: str
    title: str
    url: str
    audience: Audience
    sha256: str
    chunks: int
    updated_at: str
    fingerprint: str
    content: tuple[Chunk, ...]
    media_type: str
    sketch: Sketch
    modified_at: str = ""
    standing: Standing = Standing.CURRENT
    copy_of: str = ""

    @property
    def mark(self) -> str:
        return f"{self.fingerprint}-outdated" if self.standing is Standing.OUTDATED else self.fingerprint

    @property
    def indexed(self) -> IndexedDocument:
        outdated = {"outdated": self.standing is Standing.OUTDATED}
        return IndexedDocument(self.key, self.mark, tuple(chunk.model_copy(update=outdated) for chunk in self.content))

    @property
    def likeness(self) -> Likeness:
        modified = datetime.fromisoformat(self.modified_at) if self.modified_at else None
        seen = datetime.fromisoformat(self.updated_at)
        return Likeness(self.key, self.media_type, self.standing, modified, seen, self.sketch)


class MemoryDocumentStore:
    def __init__(self) -> None:
        self._documents: dict[tuple[str, str], _Stored] = {}
        self._vectors: dict[tuple[str, str], NDArray[np.float32]] = {}

    def hashes(self, tenant: str) -> dict[str, str]:
        return {key: stored.fingerprint for key, stored in self._of(tenant).items()}

    def published(self, tenant: str) -> dict[str, str]:
        return {key: stored.mark for key, stored in self._of(tenant).items() if not stored.copy_of}

    def alike(self, tenant: str) -> list[Likeness]:
        mine = self._of(tenant).values()
        titles = Counter(one.sketch.title for one in mine if one.sketch.title)
        return [one.likeness for one in mine if titles[one.sketch.title] > 1]

    def leave_out(self, tenant: str, copies: Mapping[str, str]) -> None:
        for key, stored in self._of(tenant).items():
            self._documents[(tenant, key)] = replace(stored, copy_of=copies.get(key, ""))

    def mark(self, tenant: str, document_id: str, standing: Standing, audiences: frozenset[Audience]) -> None:
        stored = self._readable(tenant, document_id, audiences)
        self._documents[(tenant, stored.key)] = replace(stored, standing=standing)

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
        stored = _Stored(
            id=before.id if before else uuid4().hex,
            key=document.key,
            title=document.title,
            url=document.url,
            audience=audience,
            sha256=document.sha256,
            chunks=len(chunks),
            updated_at="2026-01-01T00:00:00+00:00",
            fingerprint=fingerprint,
            content=tuple(chunks),
            media_type=document.media_type,
            sketch=sketch,
            modified_at=document.modified.astimezone(UTC).isoformat() if document.modified else "",
            standing=before.standing if before else Standing.CURRENT,
            copy_of=before.copy_of if before else "",
        )
        self._documents[(tenant, document.key)] = stored
        return stored.id

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
        mine = self._of(tenant)
        return [mine[key].indexed for key in sorted(keys) if key in mine and not mine[key].copy_of]

    def add_vectors(self, embedder: EmbedderIdentity, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        self._vectors |= {(embedder.sha256, text): vector for text, vector in vectors.items()}

    def documents(
        self, tenant: str, audiences: frozenset[Audience], *, limit: int, after: str = ""
    ) -> list[StoredDocument]:
        mine = [stored for key, stored in self._of(tenant).items() if key > after and stored.audience in audiences]
        return list(sorted(mine, key=lambda stored: stored.key)[:limit])

    def _of(self, tenant: str) -> dict[str, _Stored]:
        return {key: stored for (owner, key), stored in self._documents.items() if owner == tenant}

    def _readable(self, tenant: str, document_id: str, audiences: frozenset[Audience]) -> _Stored:
        for stored in self._of(tenant).values():
            if stored.id == document_id and stored.audience in audiences:
                return stored
        raise NotFound(f"there is no document {document_id!r}")
