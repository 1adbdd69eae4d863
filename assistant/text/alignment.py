"""Which passages, and which words in them, say what a sentence says: alignment by stemmed content words."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from assistant.kernel.conversation import Citation
from assistant.kernel.knowledge import Passage
from assistant.kernel.policy import VerifyPolicy
from assistant.text.sentences import Span, split_sentences
from assistant.text.words import content_stems, share

_MARK = re.compile(r"\[\s*(\d+(?:\s*[,;]\s*\d+)*)\s*\]")


class Source(NamedTuple):
    """A passage, made ready for comparison once."""

    passage: Passage
    text: str
    stems: frozenset[str]
    spans: Sequence[Span]
    span_stems: Sequence[frozenset[str]]


def make_source(passage: Passage, language: str) -> Source:
    """``passage`` read as ``language``, which its stems depend on."""
    text = passage.chunk.text
    spans = split_sentences(text)
    return Source(
        passage=passage,
        text=f"{passage.chunk.heading_line()}\n{text}",
        stems=frozenset(content_stems(f"{passage.chunk.heading_line()}\n{text}", language)),
        spans=spans,
        span_stems=[frozenset(content_stems(span.text, language)) for span in spans],
    )


def align(stems: Sequence[str], hints: Sequence[int], sources: Sequence[Source], policy: VerifyPolicy) -> list[Source]:
    """The passage that contains most of the sentence, and a second one if it adds enough."""

    def rank(item: tuple[int, Source], covered: frozenset[str]) -> tuple[float, float, bool, int]:
        number, source = item
        best_span = max((share(stems, span) for span in source.span_stems), default=0.0)
        return (round(share(stems, covered | source.stems), 6), best_span, number in hints, -number)

    numbered = list(enumerate(sources, start=1))
    if not numbered or not stems:
        return []
    first = max(numbered, key=lambda item: rank(item, frozenset()))[1]
    base = share(stems, first.stems)
    if base == 0.0:
        return []
    rest = [item for item in numbered if item[1] is not first]
    if rest:
        second = max(rest, key=lambda item: rank(item, first.stems))[1]
        if share(stems, first.stems | second.stems) - base >= policy.second_passage_gain:
            return [first, second]
    return [first]


def cite(source: Source, stems: Sequence[str], policy: VerifyPolicy) -> Citation:
    """The shortest run of sentences in the passage that holds most of the claim, as a quote with offsets."""
    spans, chunk = source.spans, source.passage.chunk
    best = (0.0, 0, 0)
    for length in range(1, policy.quote_sentences + 1):
        for start in range(max(0, len(spans) - length + 1)):
            covered = frozenset().union(*source.span_stems[start : start + length])
            score = share(stems, covered) - 0.05 * (length - 1)
            if score > best[0]:
                best = (score, start, length)
    _, index, length = best
    start = spans[index].start if spans else 0
    end = spans[max(index, index + length - 1)].end if spans else len(chunk.text)
    return _citation(source, start, end)


def _citation(source: Source, start: int, end: int) -> Citation:
    chunk = source.passage.chunk
    return Citation(
        n=0,
        passage_id=chunk.id,
        document=chunk.document_key,
        title=chunk.title,
        quote=chunk.text[start:end],
        start=start,
        end=end,
        url=chunk.url,
        audience=chunk.audience,
    )


def cite_unread(source: Source) -> Citation:
    """The passage as a whole, without a quote: it was named by the model, and no words were matched."""
    return _citation(source, 0, 0)


def hints_in(text: str) -> list[int]:
    """The numbers in marks such as ``[1, 2]``."""
    return [int(n) for match in _MARK.finditer(text) for n in re.findall(r"\d+", match.group(1))]
