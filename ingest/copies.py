"""Near-duplicates: several versions of one document, of which the newest or most authoritative is kept.

Documents of an audience are near-duplicates when they have the same title, name the same things, and share most of their
words. A page that differs in a name is about something else, however like it is; and of the rows of one file that have no
dates nobody can say which is newer, so they stay.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from datasketch import MinHash, MinHashLSH

from assistant.kernel.knowledge import Audience, Likeness, ParsedDocument, Sketch, Standing

NEAR = 0.8
"""Jaccard similarity of their runs of words from which two documents of one title are versions of each other."""
RUN = 3
PERMUTATIONS, SCHEME = 64, "affine32"
_BANDS = (16, 4)
"""Of four values each: of two documents as near as ``NEAR``, one pair in five thousand is overlooked."""
_COPY = re.compile(r"^copy of\s+|\s*[(\[-]\s*(?:copy|old|draft|duplicate)\s*\d*\s*[)\]]?$|\s*\(\d\)$", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
_NAME = re.compile(
    r"(?<![.!?:;\n])(?<!^)[ (/\"'](?P<name>[^\W\d_a-z][^\W_]*)|(?P<code>\b(?=[^\W_]*\d)(?=[^\W_]*[^\W\d_])[^\W_]+)"
)
"""A word that begins in upper case within a sentence, or one of letters and digits."""


def sketch(document: ParsedDocument, audience: Audience) -> Sketch:
    """What is kept of a document to tell whether it is like another."""
    text = "\n".join(block.text for block in document.blocks)
    words = _WORD.findall(text.casefold())
    names = sorted({(found["name"] or found["code"]).casefold() for found in _NAME.finditer(text)})
    title = " ".join(_WORD.findall(_COPY.sub("", document.title.strip()).casefold()))
    hashed = MinHash(num_perm=PERMUTATIONS, scheme=SCHEME)
    hashed.update_batch({" ".join(words[at : at + RUN]).encode() for at in range(max(len(words) - RUN + 1, 1))})
    return Sketch(
        title=_digest(audience, title, *names),
        words=hashed.hashvalues.astype("<u4").tobytes(),
    )


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


def _preference(document: Likeness) -> tuple[bool, int, float, str]:
    """Sorts what is kept first: not outdated, an article before a mail and a ticket, then the newest."""
    standing = document.standing is Standing.OUTDATED
    return standing, _authority(document), -(document.modified or document.seen).timestamp(), document.key


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
