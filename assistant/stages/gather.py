"""Cases → groups that ask the same: average-linkage clustering of their vectors, cut at a similarity.

Average linkage was chosen because a person can check it: two groups are one when their questions are, on average,
at least so similar. It needs no number of groups and no seed, and gives the same groups for the same questions.
"""

from collections import Counter
from collections.abc import Sequence
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assistant.kernel.learning import Case, Gap
from assistant.text.particulars import PLACEHOLDER, vocabulary, without_particulars
from assistant.text.sentences import split_sentences
from assistant.text.words import content_stems, words

MIN_SIMILARITY = 0.45
"""Mean cosine from which questions ask the same. On 300 messages of 15 intents (four draws a set, 2026-11-22) the
adjusted Rand index is .62 on BANKING77 and .63 on CLINC150, purity .78 and .96; .35 gives .55 and .75, .55 gives
.58 and .47. `make bench-gaps` repeats it."""
MAX_QUESTION_CHARS = 240
MAX_WORDINGS = 5
MAX_KEYWORDS = 6


class Group(NamedTuple):
    """Places of the cases that ask the same, the most typical first."""

    members: tuple[int, ...]
    similarity: float


def gather(vectors: NDArray[np.float32], min_similarity: float = MIN_SIMILARITY) -> list[Group]:
    """Groups of rows of ``vectors`` (rows of unit length), largest first, ties by their earliest row."""
    count = len(vectors)
    if count < 2:
        return [Group((place,), 1.0) for place in range(count)]
    from scipy.cluster.hierarchy import fcluster, linkage  # Slow to import, and needed here alone.
    from scipy.spatial.distance import squareform

    similarities = np.clip(vectors.astype(np.float64) @ vectors.T.astype(np.float64), -1.0, 1.0)
    distances = 1.0 - (similarities + similarities.T) / 2
    np.fill_diagonal(distances, 0.0)
    labels = fcluster(linkage(squareform(distances, checks=False), "average"), 1.0 - min_similarity, "distance")
    places: dict[int, list[int]] = {}
    for place, label in enumerate(labels):
        places.setdefault(int(label), []).append(place)
    groups = [_by_typicality(members, similarities) for members in places.values()]
    return sorted(groups, key=lambda group: (-len(group.members), min(group.members)))


def describe(group: Group, cases: Sequence[Case], known: Sequence[str]) -> Gap:
    """A group as a person reads it. ``known`` are texts of the knowledge base; names in them belong to no customer.

    Words that only one customer used and that look like theirs are shown as ``[…]``.
    """
    mine = [cases[place] for place in group.members]
    wordings = list(dict.fromkeys(_wording(case, mine, known) for case in mine))
    dates = sorted(case.asked_at for case in mine)
    return Gap(
        question=wordings[0],
        questions=tuple(wordings[1 : 1 + MAX_WORDINGS]),
        keywords=_keywords(mine, cases),
        language=Counter(case.language for case in mine).most_common(1)[0][0],
        tickets=len(mine),
        answered=sum(bool(case.answer) for case in mine),
        similarity=round(group.similarity, 3),
        first_at=dates[0],
        last_at=dates[-1],
        run_ids=tuple(run_id for case in sorted(mine, key=lambda case: case.asked_at) for run_id in case.run_ids),
    )


def _by_typicality(members: Sequence[int], similarities: NDArray[np.float64]) -> Group:
    """The medoid first: the member that is on average most similar to the others; ties by place."""
    within = similarities[np.ix_(members, members)]
    others = max(1, len(members) - 1)
    means = (within.sum(axis=1) - within.diagonal()) / others
    order = sorted(range(len(members)), key=lambda i: (-round(float(means[i]), 6), members[i]))
    typical = float(means[order[0]]) if len(members) > 1 else 1.0
    return Group(tuple(members[i] for i in order), typical)


def _wording(case: Case, group: Sequence[Case], known: Sequence[str]) -> str:
    """What a case asks, as others may read it: without sentences that hold masked data, where any is left."""
    shared = vocabulary([*known, *(other.said for other in group if other is not case)])
    sentences = [span.text for span in split_sentences(case.question)]
    open_ones = [text for text in sentences if not PLACEHOLDER.search(text)] or sentences
    text = without_particulars(" ".join(" ".join(open_ones).split()), shared, case.language)
    if len(text) <= MAX_QUESTION_CHARS:
        return text
    return text[:MAX_QUESTION_CHARS].rsplit(" ", 1)[0] + " …"


def _keywords(group: Sequence[Case], cases: Sequence[Case]) -> tuple[str, ...]:
    """Words of at least two of the group's questions, by how many use them and how rare they are elsewhere."""
    everywhere = Counter(stem for case in cases for stem in _stems(case))
    here: Counter[str] = Counter()
    written: dict[str, Counter[str]] = {}
    for case in group:
        here.update(_stems(case))
        for word in words(PLACEHOLDER.sub(" ", case.question)):
            for stem in content_stems(word, case.language):
                written.setdefault(stem, Counter())[word.lower()] += 1
    weight = {stem: n * log(1 + len(cases) / everywhere[stem]) for stem, n in here.items() if n > 1}
    best = sorted(weight, key=lambda stem: (-weight[stem], stem))[:MAX_KEYWORDS]
    return tuple(min(written[stem], key=lambda word: (-written[stem][word], word)) for stem in best if stem in written)


def _stems(case: Case) -> set[str]:
    return set(content_stems(PLACEHOLDER.sub(" ", case.question), case.language))
