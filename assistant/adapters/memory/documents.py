"""The in-memory twin of DocumentStore."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from assistant.kernel.errors import NotFound
from assistant.kernel.knowledge import (
    Audience,
    Chunk,
    EmbedderIdentity,
    IndexedDocument,
    ParsedDocument,
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


class MemoryDocumentStore:
    def __init__(self) -> None:
        self._documents: dict[tuple[str, str], _Stored] = {}
        self._vectors: dict[tuple[str, str], NDArray[np.float32]] = {}

    def hashes(self, tenant: str) -> dict[str, str]:
        return {key: stored.fingerprint for (owner, key), stored in self._documents.items() if owner == tenant}

    def put(
        self,
        tenant: str,
        audience: Audience,
        document: ParsedDocument,
        chunks: Sequence[Chunk],
        fingerprint: str,
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
        )
        self._documents[(tenant, document.key)] = stored
        return stored.id

    def delete(self, tenant: str, keys: Sequence[str]) -> int:
        return sum(self._documents.pop((tenant, key), None) is not None for key in keys)

    def delete_by_id(self, tenant: str, document_id: str, audiences: frozenset[Audience]) -> str:
        found = [
            key
            for (owner, key), stored in self._documents.items()
            if owner == tenant and stored.id == document_id and stored.audience in audiences
        ]
        if not found:
            raise NotFound(f"there is no document {document_id!r}")
        self.delete(tenant, found)
        return found[0]

    def vectors(self, embedder: EmbedderIdentity, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        known = {text: self._vectors.get((embedder.sha256, text)) for text in texts}
        return {text: vector for text, vector in known.items() if vector is not None}

    def indexed(self, tenant: str, keys: Collection[str]) -> list[IndexedDocument]:
        mine = ((key, self._documents.get((tenant, key))) for key in sorted(keys))
        return [IndexedDocument(key, stored.fingerprint, stored.content) for key, stored in mine if stored is not None]

    def add_vectors(self, embedder: EmbedderIdentity, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        self._vectors |= {(embedder.sha256, text): vector for text, vector in vectors.items()}

    def documents(
        self, tenant: str, audiences: frozenset[Audience], *, limit: int, after: str = ""
    ) -> list[StoredDocument]:
        mine = [
            stored
            for (owner, key), stored in self._documents.items()
            if owner == tenant and key > after and stored.audience in audiences
        ]
        return list(sorted(mine, key=lambda stored: stored.key)[:limit])
