"""Ports of the index and of the documents it is made of."""

from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.kernel.knowledge import (
    NO_SKETCH,
    Audience,
    Chunk,
    EmbedderIdentity,
    IndexedDocument,
    Likeness,
    ParsedDocument,
    Sketch,
    SnapshotManifest,
    Standing,
    StoredDocument,
)
from assistant.ports.answering import Vectors

ExactVectors = Callable[[Sequence[str]], Mapping[str, NDArray[np.float32]]]
"""Embedding texts to the vectors they had before an index made them smaller."""


FindCopies = Callable[[Sequence[Likeness]], Mapping[str, str]]
"""Documents that may be alike to key → key of the one that is published in its place."""


class Snapshot(Protocol):
    """One immutable index generation of one tenant, for the audiences that are named. ``beside``: those before and after."""

    @property
    def manifest(self) -> SnapshotManifest: ...
    def dense(
        self, vector: NDArray[np.float32], audiences: frozenset[Audience], limit: int
    ) -> list[tuple[str, float]]: ...
    def lexical(
        self, stems: Mapping[str, float], audiences: frozenset[Audience], limit: int
    ) -> list[tuple[str, float]]: ...
    def similarities(
        self, vector: NDArray[np.float32], audiences: frozenset[Audience], ids: Sequence[str]
    ) -> dict[str, float]: ...
    def chunks(self, audiences: frozenset[Audience], ids: Sequence[str]) -> dict[str, Chunk]: ...
    def beside(self, audiences: frozenset[Audience], ids: Sequence[str]) -> dict[str, list[Chunk]]: ...


class IndexReader(Protocol):
    """Gives the newest published snapshot; a caller keeps it for the length of a request."""

    def snapshot(self, tenant: str) -> Snapshot | None: ...


class IndexChange(NamedTuple):
    """What is new in an index: ``documents`` come in, in place of those with the same key, and ``removed`` keys go.

    ``vectors`` has those there are of the documents' embedding texts. ``whole``: nothing that was there before stays.
    """

    documents: Sequence[IndexedDocument] = ()
    removed: Collection[str] = ()
    vectors: Mapping[str, NDArray[np.float32]] = {}
    whole: bool = False


def nothing_forbidden(_: Mapping[str, str]) -> Collection[str]:
    return ()


Forbidden = Callable[[Mapping[str, str]], Collection[str]]
"""Documents, key to fingerprint → keys of those that may not be shown."""


class IndexWriter(Protocol):
    """Publishes changes of a tenant's index, each whole or not at all; two writers never publish at once.

    ``documents`` are the published ones, key to fingerprint. ``hide`` takes some out at once. ``waiting`` are embedding texts
    of published chunks without a vector, which ``attach`` gives them; inside ``embedding`` it is told whether nobody else
    sees to that. ``tidy`` puts together what many changes have scattered, when that is due. ``tune`` finds out how far searches
    have to go for ``recall`` of the ten nearest to ``questions``, and makes them do so. ``roll_back`` shows again what the
    newest earlier generation with other documents did, if one is kept, but nothing ``without`` names of its documents; never one of which that leaves nothing.
    """

    def current(self, tenant: str) -> SnapshotManifest | None: ...
    def documents(self, tenant: str) -> Mapping[str, str]: ...
    def publish(
        self, tenant: str, change: IndexChange, embedder: EmbedderIdentity, chunker: str
    ) -> SnapshotManifest: ...
    def hide(self, tenant: str, keys: Collection[str]) -> None: ...
    def waiting(self, tenant: str) -> AbstractSet[str]: ...
    def embedding(self, tenant: str) -> AbstractContextManager[bool]: ...
    def attach(
        self, tenant: str, vectors: Mapping[str, NDArray[np.float32]], embedder: EmbedderIdentity
    ) -> SnapshotManifest: ...
    def tidy(self, tenant: str) -> SnapshotManifest: ...
    def tune(self, tenant: str, questions: Vectors, exact: ExactVectors, recall: float) -> SnapshotManifest: ...
    def roll_back(self, tenant: str, without: Forbidden = nothing_forbidden) -> SnapshotManifest | None: ...


class DocumentStore(Protocol):
    """Documents, their versions, chunks and vectors: the truth an index is built from.

    ``hashes`` has all documents by key, ``published`` those that belong in an index: near-duplicates of others do not.
    ``leave_out`` asks which are left out for which, of those whose titles' sketch is another's too, while nobody changes them.
    ``redate`` keeps what sources say of when documents were changed that are otherwise as they were.
    """

    def hashes(self, tenant: str) -> dict[str, str]: ...
    def published(self, tenant: str) -> dict[str, str]: ...
    def leave_out(self, tenant: str, find: FindCopies) -> None: ...
    def redate(self, tenant: str, dates: Mapping[str, datetime]) -> None: ...
    def mark(self, tenant: str, document_id: str, standing: Standing, audiences: frozenset[Audience]) -> None: ...
    def put(
        self,
        tenant: str,
        audience: Audience,
        document: ParsedDocument,
        chunks: Sequence[Chunk],
        fingerprint: str,
        sketch: Sketch = NO_SKETCH,
    ) -> str: ...
    def delete(self, tenant: str, keys: Sequence[str]) -> int: ...
    def delete_by_id(self, tenant: str, document_id: str, audiences: frozenset[Audience]) -> str: ...
    def vectors(self, embedder: EmbedderIdentity, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]: ...
    def indexed(self, tenant: str, keys: Collection[str]) -> list[IndexedDocument]: ...
    def documents(
        self, tenant: str, audiences: frozenset[Audience], *, limit: int, after: str = ""
    ) -> list[StoredDocument]: ...
    def add_vectors(self, embedder: EmbedderIdentity, vectors: Mapping[str, NDArray[np.float32]]) -> None: ...
