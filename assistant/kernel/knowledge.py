"""What the company knows: documents, chunks of them, and passages found for a question."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from assistant.kernel.value import Value


class Audience(StrEnum):
    """Who may read a document. A draft for a customer cites public documents only, unless asked."""

    PUBLIC = "public"
    INTERNAL = "internal"


class Standing(StrEnum):
    """What a person has said of a document. What is outdated sinks; what is separate has no near-duplicates."""

    CURRENT = "current"
    OUTDATED = "outdated"
    SEPARATE = "separate"


class Scope(Value):
    """What a request may see. A required argument of retrieval; there is no way around it."""

    tenant: str
    audiences: frozenset[Audience] = frozenset({Audience.PUBLIC})


class BlockKind(StrEnum):
    PARAGRAPH = "paragraph"
    LIST = "list"
    TABLE = "table"
    CODE = "code"


class Block(Value):
    """A run of a document's text that belongs together, below its headings."""

    kind: BlockKind
    text: str
    heading_path: tuple[str, ...] = ()
    anchor: str = ""


class ParsedDocument(Value):
    """A document as text. ``key`` is its stable name; ``url`` leads a reader back to the source; ``modified`` is what the
    source says of its age, if anything.
    """

    key: str
    title: str
    url: str
    media_type: str
    sha256: str
    language: str
    blocks: tuple[Block, ...]
    modified: datetime | None = None


class Chunk(Value):
    """What is embedded, found and cited. ``tokens`` are counted by the embedder's tokenizer; ``language`` is ISO 639-1.

    ``outdated``: a person has said so of its document.
    """

    id: str
    document_key: str
    title: str
    url: str
    audience: Audience
    ordinal: int
    heading_path: tuple[str, ...]
    text: str
    tokens: int
    language: str = "en"
    outdated: bool = False

    def embedding_text(self) -> str:
        """The chunk below its title and headings: what the embedder reads."""
        return f"{self.heading_line()}\n{self.text}" if self.heading_line() else self.text

    def heading_line(self) -> str:
        """Title and headings as one line, repeated headings once."""
        parts = dict.fromkeys(part for part in (self.title, *self.heading_path) if part)
        return " > ".join(parts)


class Sketch(NamedTuple):
    """What tells whether two documents are near-duplicates: a digest of the title with the names in the text, and a MinHash of
    its words (64 values of 32 bits). Empty where it is not known.
    """

    title: str = ""
    words: bytes = b""


NO_SKETCH = Sketch()


class Likeness(NamedTuple):
    """A document beside which there are others like it. ``modified`` is what its source says, ``seen`` when it came."""

    key: str
    media_type: str
    standing: Standing
    modified: datetime | None
    seen: datetime
    sketch: Sketch


class StoredDocument(NamedTuple):
    """A document as the store lists it. ``copy_of`` is the key of the one that is kept in its place, if it is left out.

    ``modified_at`` is empty where the source does not say.
    """

    id: str
    key: str
    title: str
    url: str
    audience: Audience
    sha256: str
    chunks: int
    updated_at: str
    modified_at: str
    standing: Standing
    copy_of: str


def indexed_as(fingerprint: str, standing: Standing) -> str:
    """The fingerprint of a document in an index: a version of it, and whether it is outdated."""
    return f"{fingerprint}-outdated" if standing is Standing.OUTDATED else fingerprint


class IndexedDocument(NamedTuple):
    """A document as an index takes it. ``fingerprint`` tells one version of it from another, and whether it is outdated."""

    key: str
    fingerprint: str
    chunks: tuple[Chunk, ...]


class Passage(Value):
    """A chunk found for a question, with the scores that found it.

    ``similarity`` is the cosine of question and chunk (-1 to 1); ``lexical`` is BM25 (0 and up, 0 when
    not found by words); ``fused`` is both together, 1 for the best in both and less for what is outdated, by which passages are ordered; ``reranked`` is the
    reranker's logit, where one has read it.
    """

    chunk: Chunk
    similarity: float
    lexical: float
    fused: float
    reranked: float | None = None


class Evidence(Value):
    """The passages for one question, best first, and the snapshot they came from."""

    passages: tuple[Passage, ...]
    generation: int
    top_similarity: float


class EmbedderIdentity(Value):
    """What must be equal for two vectors to be comparable."""

    name: str
    sha256: str
    dimension: int
    max_tokens: int


class Tuning(Value):
    """How far a search by meaning goes in an index that does not compare every vector, and what it finds so.

    ``effort`` is a share of the index, above 0 and up to 1. ``recall`` is that of the ten nearest, over ``questions`` sentences of the
    tenant's own ``chunks``.
    """

    effort: float
    recall: float
    questions: int
    chunks: int
    measured_at: str


class SnapshotManifest(Value):
    """What a published index generation holds. ``waiting`` of its chunks have no vector yet: words find them, meaning does not.

    ``tuning`` was measured with the generation it came with, or an earlier one.
    """

    tenant: str
    generation: int
    created_at: str
    embedder: EmbedderIdentity
    chunker: str
    documents: int
    chunks: int
    waiting: int = 0
    documents_sha256: str
    tuning: Tuning | None = None

    @property
    def pieces(self) -> int:
        """Into how many a search looks."""
        return 1


def documents_digest(documents: Mapping[str, str]) -> str:
    """SHA-256 over a set of documents, key to fingerprint: equal exactly when the sets are."""
    lines = "\n".join(f"{key}\0{fingerprint}" for key, fingerprint in sorted(documents.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


class Problem(Value):
    """Something that was left out of an ingest, said so that its owner can mend it.

    Earlier versions stay in use: of the document ``key``, and of all whose keys begin with ``covers``, which a file or a
    site that was not read to its end has. ``covers`` ends in ``#`` or ``/``.
    """

    name: str
    reason: str
    fix: str = ""
    key: str = ""
    covers: str = ""
