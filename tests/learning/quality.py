"""How well questions are gathered, on real short messages with intents."""

import gzip
import json
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assistant.stages.gather import MIN_SIMILARITY, gather

EVEN = (20,) * 15
SKEWED = (60, 50, 40, 30, 25, 20, 15, 15, 10, 10, 8, 6, 5, 3, 3)
"""Messages an intent: as in a desk's day, a few things are asked often and many seldom."""


class Quality(NamedTuple):
    """``ari`` is the adjusted Rand index; ``purity`` is over groups of two or more, which hold ``gathered`` of all."""

    ari: float
    purity: float
    gathered: float
    groups: int


def read_intents(path: Path) -> dict[str, dict[str, list[str]]]:
    """Messages by data set and intent; out-of-scope ones are left out."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if row["kind"] == "in_scope":
                found[row["dataset"]][row["label"]].append(row["text"])
    return found


def draw(intents: Mapping[str, Sequence[str]], sizes: Sequence[int], seed: int) -> tuple[list[str], list[str]]:
    """So many messages of as many intents, shuffled: texts and their intents."""
    chance = random.Random(seed)
    usable = sorted(label for label, texts in intents.items() if len(texts) >= max(EVEN + SKEWED))
    pairs = [
        (text, label)
        for label, size in zip(chance.sample(usable, len(sizes)), sizes, strict=True)
        for text in chance.sample(list(intents[label]), size)
    ]
    chance.shuffle(pairs)
    return [text for text, _ in pairs], [label for _, label in pairs]


def measure(vectors: NDArray[np.float32], labels: Sequence[str], min_similarity: float = MIN_SIMILARITY) -> Quality:
    groups = gather(vectors, min_similarity)
    large = [group.members for group in groups if len(group.members) > 1]
    held = sum(len(members) for members in large)
    right = sum(Counter(labels[place] for place in members).most_common(1)[0][1] for members in large)
    places = {place: number for number, group in enumerate(groups) for place in group.members}
    ari = adjusted_rand_index(labels, [places[place] for place in range(len(labels))])
    return Quality(round(ari, 3), round(right / max(1, held), 3), round(held / len(labels), 3), len(large))


def adjusted_rand_index(one: Sequence[object], other: Sequence[object]) -> float:
    """Hubert and Arabie, "Comparing partitions", Journal of Classification 2, 1985."""

    def pairs(counts: Mapping[object, int]) -> float:
        return sum(n * (n - 1) / 2 for n in counts.values())

    both = pairs(Counter(zip(one, other, strict=True)))
    mine, theirs = pairs(Counter(one)), pairs(Counter(other))
    expected = mine * theirs / (len(one) * (len(one) - 1) / 2)
    most = (mine + theirs) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)
