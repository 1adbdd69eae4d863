"""Near-duplicates: several versions of one document, of which the newest or most authoritative is kept.

Documents of an audience are near-duplicates when they have the same title, name the same things, say the same words most often, and
share most of all their words. A page that differs in a name is about something else, however like it is; and of the rows of
one file that have no dates nobody can say which is newer, so they stay.
"""

import calendar
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from heapq import nsmallest
from itertools import islice

import numpy as np
from datasketch import MinHash, MinHashLSH

from assistant.kernel.knowledge import Audience, Likeness, ParsedDocument, Sketch, Standing
from assistant.text.words import content_stems

NEAR = 0.8
"""Jaccard similarity of their runs of words from which two documents of one title are versions of each other."""
RUN = 3
PERMUTATIONS, SCHEME = 64, "affine32"
_BANDS = (16, 4)
"""Of four values each: of two documents as near as ``NEAR``, one pair in five thousand is overlooked."""
_COPY = re.compile(r"^copy of\s+|\s*[(\[-]\s*(?:copy|old|draft|duplicate)\s*\d*\s*[)\]]?$|\s*\(\d\)$", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*")
_BEGINS = re.compile(r"(?:^|[.!?:;|\n])[^\w\n]*$")
"""What stands before the first word of a sentence, a line or a cell."""
_COUNTING = {"step", "page", "part", "section", "chapter", "figure", "table", *map(str.lower, calendar.month_name[1:])}
_VERSION = {"version", "model", "release", "v"}
THEMES, THEME_TIMES = 2, 3
"""So many words that a text has most often, if it has them so often and not in its title, tell what it is about."""
_BATCH = 10_000


def sketch(document: ParsedDocument, audience: Audience) -> Sketch:
    """What is kept of a document to tell whether it is like another."""
    text = "\n".join(block.text for block in document.blocks)
    words = _WORD.findall(text.casefold())
    title = _WORD.findall(_COPY.sub("", document.title.strip()).casefold())
    hashed = MinHash(num_perm=PERMUTATIONS, scheme=SCHEME)
    runs = (" ".join(words[at : at + RUN]).encode() for at in range(max(len(words) - RUN + 1, 1)))
    while some := set(islice(runs, _BATCH)):
        hashed.update_batch(some)
    return Sketch(
        title=_digest(
            audience, " ".join(title), *_names(text, document.language), "", *_themes(text, title, document.language)
        ),
        words=hashed.hashvalues.astype("<u4").tobytes(),
    )


def _names(text: str, language: str) -> list[str]:
    """Words that begin in upper case within a sentence, have capitals within or letters and digits, and numbered ones."""
    names: set[str] = set()
    before = ""
    for found in _WORD.finditer(text):
        word, start = found.group(), found.start()
        digits, letters = any(map(str.isdigit, word)), any(map(str.isalpha, word))
        numbered = before and digits and not letters and text[start - 1] in " -" and before.casefold() not in _COUNTING
        if numbered and (before.casefold() in _VERSION or (before[0].isupper() and content_stems(before, language))):
            names.add(f"{before} {word}".casefold())
        elif (letters and (digits or any(map(str.isupper, word[1:])))) or (
            word[0].isupper() and not _BEGINS.search(text, max(start - 4, 0), start)
        ):
            names.add(word.casefold())
        before = word
    return sorted(names)


def _themes(text: str, title: Sequence[str], language: str) -> list[str]:
    """The words that are said most often."""
    known = set(content_stems(" ".join(title), language))
    counts = Counter(stem for stem in content_stems(text, language) if stem.isalpha() and stem not in known)
    often = [(-times, stem) for stem, times in counts.items() if times >= THEME_TIMES]
    return sorted(stem for _, stem in nsmallest(THEMES, often))


def find_copies(documents: Iterable[Likeness]) -> dict[str, str]:
    """Key of each document that is left out → key of the one that is kept for it."""
    titles: defaultdict[str, MinHashLSH] = defaultdict(lambda: MinHashLSH(NEAR, num_perm=PERMUTATIONS, params=_BANDS))
    hashes: dict[str, MinHash] = {}
    copies: dict[str, str] = {}
    known = [document for document in documents if document.standing is not Standing.SEPARATE]
    by_key = {document.key: document for document in known}
    for document in sorted(known, key=_preference):
        hashed, like = _hashes(document.sketch), titles[document.sketch.title]
        near = {key: hashes[key].jaccard(hashed) for key in like.query(hashed)}
        nearest, likeness = max(near.items(), key=lambda found: found[1], default=("", 0.0))
        if likeness >= NEAR and not _peers(by_key[nearest], document):
            copies[document.key] = nearest
        else:
            like.insert(document.key, hashed)
            hashes[document.key] = hashed
    return copies


def _preference(document: Likeness) -> tuple[int, float, str]:
    """Sorts what is kept first: an article before a mail and a ticket, then the newest.

    An outdated one too: what is older than it is no truer, and would be shown without a word of that.
    """
    return _authority(document), -(document.modified or document.seen).timestamp(), document.key


def _authority(document: Likeness) -> int:
    if document.key.startswith("tickets:"):
        return 2
    return 1 if document.media_type == "message/rfc822" else 0


def _peers(one: Likeness, other: Likeness) -> bool:
    """Whether both stand in one file that does not date them."""
    file, mark, _ = one.key.partition("#")
    return bool(mark) and other.key.startswith(f"{file}#") and one.modified is None and other.modified is None


def _hashes(known: Sketch) -> MinHash:
    return MinHash(hashvalues=np.frombuffer(known.words, dtype="<u4"), scheme=SCHEME)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
