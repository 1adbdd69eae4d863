"""Documents → Snapshot: only what changed is parsed and chunked; then it is published, and what is new is embedded."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from assistant.kernel.errors import DeskhandError, InputError, UnreadableDocument
from assistant.kernel.knowledge import Audience, ParsedDocument, Problem, Sketch
from assistant.kernel.value import Value
from assistant.ports import DocumentStore, Embedder, IndexWriter
from ingest.chunk import chunk, fingerprint
from ingest.copies import sketch
from ingest.embed import OnEmbedded
from ingest.index import Published, index
from ingest.parse import parse
from ingest.sources.source import Source

MASS_DELETE_SHARE = 0.5
MASS_DELETE_MIN = 20


class IngestReport(Value):
    """What an ingest did. ``embedded`` counts chunks that were not known before, ``left_out`` near-duplicates that are stored."""

    added: int
    changed: int
    unchanged: int
    deleted: int
    chunks: int
    embedded: int
    generation: int
    documents: int
    left_out: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Ingest:
    """All that ingesting needs. ``parse`` may run elsewhere, as in a child process with limits."""

    store: DocumentStore
    writer: IndexWriter
    embedder: Embedder
    chunk_tokens: int
    overlap_tokens: int
    parse: Callable[[Source], ParsedDocument] = parse


OnProgress = Callable[[int], None]


def ingest(
    sources: Iterable[Source | Problem],
    tenant: str,
    audience: Audience,
    desk: Ingest,
    *,
    roots: Sequence[str] = (),
    allow_mass_delete: bool = False,
    on_progress: OnProgress = lambda _: None,
    on_embedded: OnEmbedded = lambda _, __: None,
    backlog: bool = True,
) -> IngestReport:
    """Bring the store up to date with ``sources`` and publish.

    Documents whose key lies below one of ``roots`` and that did not come are deleted; a document that
    could not be read this time keeps its earlier version. Each document is stored in its own
    transaction, so an interrupted ingest goes on where it stopped. ``on_progress`` is told the number
    of documents read since the last call. What others left to be embedded is, with
    ``backlog``. Raises InputError rather than delete most of a root.
    """
    before = desk.store.hashes(tenant)
    work = _Work(tenant, audience, desk, before)
    with ThreadPoolExecutor(1, "reading") as reader:
        for item in _ahead(sources, lambda item: work.begin(item, reader)):
            work.take(*item)
            on_progress(1)
    half_read = [problem.covers for problem in work.problems if problem.covers]
    gone = [key for key in before if key not in work.seen and _below(key, roots) and not _below(key, half_read)]
    _refuse_mass_delete(gone, before, roots, allow_mass_delete)
    deleted = desk.store.delete(tenant, gone)
    desk.store.redate(tenant, work.dates)
    published = index(
        tenant, desk.store, desk.writer, desk.embedder, own=work.seen, backlog=backlog, on_embedded=on_embedded
    )
    return work.report(deleted, published)


class _Reading(NamedTuple):
    """A document that is being read, and the fingerprint it will have in the store."""

    fingerprint: str
    result: Future[tuple[ParsedDocument, Sketch]]


@dataclass
class _Work:
    tenant: str
    audience: Audience
    desk: Ingest
    before: dict[str, str]
    seen: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    dates: dict[str, datetime] = field(default_factory=dict)
    """Of what is unchanged."""

    def begin(self, item: Source | Problem, reader: Executor) -> _Reading | None:
        """Have it read, if it is new or has changed."""
        self.seen.add(item.key)
        if isinstance(item, Problem):
            return None
        mark = fingerprint(item, self.audience, self.desk.embedder.identity.sha256, self._sizes)
        return None if self.before.get(item.key) == mark else _Reading(mark, reader.submit(self._read, item))

    def take(self, item: Source | Problem, reading: _Reading | None) -> None:
        """Store what ``begin`` has read of it."""
        if isinstance(item, Problem):
            self.problems.append(item)
        elif reading is None:
            self.unchanged += 1
            if item.modified:
                self.dates[item.key] = item.modified
        else:
            self._store(item, reading)

    def _read(self, item: Source) -> tuple[ParsedDocument, Sketch]:
        document = self.desk.parse(item)
        return document, sketch(document, self.audience)

    def _store(self, item: Source, reading: _Reading) -> None:
        try:
            document, like = reading.result.result()
            chunks = chunk(document, self.audience, self.desk.embedder.count_tokens, *self._sizes)
        except UnreadableDocument as error:
            self.problems.append(Problem(name=item.name, reason=str(error), fix=error.fix, key=item.key))
            return
        except DeskhandError:
            raise
        except Exception as error:  # One document that breaks a parser must not end the ingest.
            reason = f"its parser failed ({type(error).__name__})"
            self.problems.append(Problem(name=item.name, reason=reason, fix="Report the file as a bug.", key=item.key))
            return
        self.desk.store.put(self.tenant, self.audience, document, chunks, reading.fingerprint, like)
        self.changed += item.key in self.before
        self.added += item.key not in self.before

    @property
    def _sizes(self) -> tuple[int, int]:
        return self.desk.chunk_tokens, self.desk.overlap_tokens

    def report(self, deleted: int, published: Published) -> IngestReport:
        manifest = published.manifest
        return IngestReport(
            added=self.added,
            changed=self.changed,
            unchanged=self.unchanged,
            deleted=deleted,
            chunks=manifest.chunks,
            embedded=published.embedded,
            generation=manifest.generation,
            documents=manifest.documents,
            left_out=len(self.desk.store.hashes(self.tenant)) - len(self.desk.store.published(self.tenant)),
            problems=tuple(self.problems),
        )


def _ahead(
    items: Iterable[Source | Problem], begin: Callable[[Source | Problem], _Reading | None]
) -> Iterator[tuple[Source | Problem, _Reading | None]]:
    """Each item with its reading, begun while the one before it is still worked on: that is done in another process."""
    before: list[tuple[Source | Problem, _Reading | None]] = []
    for item in items:
        ready, before = before, [(item, begin(item))]
        yield from ready
    yield from before


def _below(key: str, roots: Sequence[str]) -> bool:
    return any(key == root or (root.endswith(("/", "#")) and key.startswith(root)) for root in roots)


def _refuse_mass_delete(gone: Sequence[str], before: dict[str, str], roots: Sequence[str], allowed: bool) -> None:
    """An unmounted disk looks like a folder whose files were all deleted."""
    known = sum(_below(key, roots) for key in before)
    if not allowed and len(gone) >= MASS_DELETE_MIN and len(gone) > known * MASS_DELETE_SHARE:
        raise InputError(
            f"{len(gone)} of {known} documents known from here are gone; nothing was deleted",
            fix="Check that the folder is complete, or repeat with --allow-mass-delete.",
            field="path",
        )
