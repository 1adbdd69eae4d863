"""Is a message about anything that is answered here at all? Told by the examples it is near to: of what is, and of what is not."""

import threading
from collections.abc import Callable, Sequence
from math import floor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assistant.kernel.errors import InputError
from assistant.kernel.scope import ScopeFit
from assistant.ports import Embedder, ScopeStore, Vectors

NEAREST = 10
"""So many examples a message is compared with; from 3 to 10 little changes where there are examples of both kinds (2026-11-24)."""
BLOCK = 512
"""Messages that are compared at once."""
Scores = NDArray[np.float32]


class Examples(NamedTuple):
    """Vectors of examples of both kinds; there may be none of what is out of scope."""

    inside: Vectors
    outside: Vectors

    def score(self, messages: Vectors) -> Scores:
        """How much nearer each message is to what is in scope than to what is not: the mean cosine of its nearest examples of either kind,
        the one less the other (0 where there are none).
        """
        return near(messages, self.inside) - near(messages, self.outside)

    def own_scores(self) -> tuple[Scores, Scores]:
        """The score of each example of both kinds by all the others."""
        inside = near(self.inside, self.inside, themselves=True) - near(self.inside, self.outside)
        outside = near(self.outside, self.inside) - near(self.outside, self.outside, themselves=True)
        return inside, outside


class Cut(NamedTuple):
    """The ``least`` score that is in scope, and the share of the examples out of scope that it tells."""

    least: float
    caught: float | None


def near(messages: Vectors, examples: Vectors, *, themselves: bool = False) -> Scores:
    """The mean cosine of each message's nearest examples; with ``themselves`` the examples are the messages, and none counts for itself."""
    nearest = min(NEAREST, len(examples) - themselves)
    if nearest < 1:
        return np.zeros(len(messages), dtype=np.float32)
    found = np.empty(len(messages), dtype=np.float32)
    for start in range(0, len(messages), BLOCK):
        cosines: Vectors = messages[start : start + BLOCK] @ examples.T
        if themselves:
            rows = np.arange(len(cosines))
            cosines[rows, start + rows] = -np.inf
        found[start : start + BLOCK] = np.partition(cosines, cosines.shape[1] - nearest, axis=1)[:, -nearest:].mean(
            axis=1
        )
    return found


def cut(examples: Examples, lost: float) -> Cut:
    """The score below which at most a share of ``lost`` of messages like those in scope falls, each example standing for a new message:
    the ⌊lost · (n + 1)⌋-th smallest (Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World", 2005, section 2.2; exact for
    messages held out, and near it here, where each is scored by the others).

    Raises InputError with how many examples that takes.
    """
    inside, outside = examples.own_scores()
    place = floor(lost * (len(inside) + 1))
    if place < 1:
        needed = int(np.ceil(1 / lost)) - 1
        raise InputError(
            f"{len(inside)} examples in scope are too few to lose at most {lost:.1%} of such messages",
            fix=f"Give at least {needed} messages of kind in_scope, or allow a larger share.",
            field="rows",
        )
    least = float(np.sort(inside)[place - 1])
    return Cut(least, float((outside < least).mean()) if len(outside) else None)


class ScopeGuard:
    """Tells for each tenant whether a message is about what is answered there; all are where nothing was fitted.

    A fit by another embedder than the one of now says nothing, and ``stale`` tells so.
    """

    def __init__(self, store: ScopeStore, embedder: Embedder) -> None:
        self._store, self._embedder = store, embedder
        self._known: dict[str, Examples] = {}
        self._lock = threading.Lock()

    def in_scope(self, tenant: str, message: str) -> bool:
        fit = self._store.fit(tenant)
        if fit is None or self.stale(fit) or not message.strip():
            return True
        score = self._examples(fit).score(self._embedder.embed([message]))
        return bool(score[0] >= fit.least)

    def stale(self, fit: ScopeFit) -> bool:
        return fit.embedder != self._embedder.identity.sha256

    def _examples(self, fit: ScopeFit) -> Examples:
        with self._lock:
            known = self._known.get(fit.id)
        if known is None:
            known = Examples(*self._store.examples(fit))
            with self._lock:
                self._known = {fit.id: known} if len(self._known) > 64 else self._known | {fit.id: known}
        return known


def embedded(texts: Sequence[str], embedder: Embedder, on_progress: Callable[[int], None]) -> Vectors:
    """``texts`` as vectors, some at a time."""
    parts = []
    for start in range(0, len(texts), BLOCK):
        some = texts[start : start + BLOCK]
        parts.append(embedder.embed(some))
        on_progress(len(some))
    return np.concatenate(parts) if parts else np.empty((0, embedder.identity.dimension), dtype=np.float32)
