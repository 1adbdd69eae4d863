"""The one compute lane of a machine: texts are embedded in turns, and bulk ones stand aside while drafts are written.

The models' process and the embedder use the same cores. Beside each other both slow down to a half or worse; so what
nobody waits for (an ingest) leaves the cores to what somebody does.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from assistant.engine.protocol import BULK_WAITS_S
from assistant.kernel.knowledge import EmbedderIdentity
from assistant.ports import Embedder, Reranker, Vectors

BATCH = 8
"""Texts embedded in one turn: what a question may have to wait for. Eight chunks of 250 tokens took 250 ms on a busy
machine, and as many a second were embedded by eights as by 32s (2026-11-22)."""


class ComputeLane:
    """Who may use the cores. Safe to use from several threads; a turn ends with its ``with`` block, however that ends.

    Turns are taken first come, first served, questions before bulk work. Drafts take none: they are written by the
    models' process, whose scheduler knows what comes first there, and only keep bulk work waiting.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._drafts = set[object]()
        self._questions, self._bulk = deque[object](), deque[object]()
        self._bulk_at = self._clock()
        self._taken = False

    def draft_begins(self, draft: object) -> None:
        """Somebody waits for the models from now until ``draft_ends`` is told of the same object."""
        with self._changed:
            self._drafts.add(draft)

    def draft_ends(self, draft: object) -> None:
        """May be told more than once, and of what never began."""
        with self._changed:
            self._drafts.discard(draft)
            self._changed.notify_all()

    @contextmanager
    def turn(self, *, bulk: bool) -> Iterator[None]:
        """Wait for the embedder, and have it to the end of the block. ``bulk`` work waits for drafts too."""
        self._take(self._bulk if bulk else self._questions)
        try:
            yield
        finally:
            with self._changed:
                self._taken = False
                self._bulk_at = self._clock() if bulk else self._bulk_at
                self._changed.notify_all()

    def _take(self, line: deque[object]) -> None:
        place = object()
        with self._changed:
            if line is self._bulk and not line:  # Nobody has been waiting: nothing starves yet.
                self._bulk_at = self._clock()
            line.append(place)
            try:
                while self._next() is not place:
                    self._changed.wait(self._patience_s(place))
                self._taken = True
            finally:
                line.remove(place)
                self._changed.notify_all()

    def _next(self) -> object | None:
        """Whose turn it is, among those that wait."""
        if self._taken:
            return None
        if self._bulk and self._clock() - self._bulk_at >= BULK_WAITS_S:
            return self._bulk[0]
        if self._questions:
            return self._questions[0]
        return self._bulk[0] if self._bulk and not self._drafts else None

    def _patience_s(self, place: object) -> float | None:
        """How long until it may be this one's turn without anybody having ended anything."""
        if self._taken or not self._bulk or self._bulk[0] is not place:
            return None
        return self._bulk_at + BULK_WAITS_S - self._clock()


@dataclass(frozen=True)
class LaneReranker:
    """A reranker that takes a turn as a question's embedding does."""

    own: Reranker
    lane: ComputeLane

    def score(self, question: str, passages: Sequence[str]) -> list[float]:
        with self.lane.turn(bulk=False):
            return self.own.score(question, passages)


@dataclass(frozen=True)
class LaneEmbedder:
    """An embedder that takes a turn for every few texts."""

    own: Embedder
    lane: ComputeLane
    bulk: bool = False

    @property
    def identity(self) -> EmbedderIdentity:
        return self.own.identity

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self.own.count_tokens(texts)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """As the port says. Texts of like length are best beside each other: a batch is padded to its longest."""
        parts = [np.zeros((0, self.identity.dimension), dtype=np.float32)]
        for at in range(0, len(texts), BATCH):
            with self.lane.turn(bulk=self.bulk):
                parts.append(self.own.embed(texts[at : at + BATCH]))
        return np.concatenate(parts)
