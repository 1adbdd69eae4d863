"""What every lexical index counts alike, so that one that replaces another finds the same.

BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009) over chunks whose title and
headings count ``HEADING_WEIGHT`` times.
"""

from collections import Counter
from math import log1p

from assistant.kernel.knowledge import Chunk
from assistant.text.words import content_stems

K1, B = 2.0, 0.75
HEADING_WEIGHT = 2


LONGEST_STEM = 200
"""Characters. Nobody asks for a longer one: it is a dump or a certificate, and an index in a database has no room for it."""


def counted(chunk: Chunk) -> Counter[str]:
    """The stems of a chunk, and how often each is there."""
    found = Counter(content_stems(chunk.text, chunk.language))
    for stem in content_stems(chunk.heading_line(), chunk.language):
        found[stem] += HEADING_WEIGHT
    return Counter({stem: times for stem, times in found.items() if len(stem) <= LONGEST_STEM})


def rarity(holding: int, chunks: int) -> float:
    """What a stem counts that ``holding`` of ``chunks`` chunks hold."""
    return log1p((chunks - holding + 0.5) / (holding + 0.5))
