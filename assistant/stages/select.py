"""Question and passages → the same passages with the sentences that matter, so that a model has less to read.

A passage keeps its id: a draft is verified against, and quotes, the whole chunk. What is kept depends on the question,
so prompts of selected sentences do not share the states of whole passages.
"""

from collections.abc import Sequence

import numpy as np

from assistant.kernel.conversation import Question
from assistant.kernel.knowledge import Passage
from assistant.kernel.policy import SelectPolicy
from assistant.ports import Embedder
from assistant.text.reading import Unit, reading_units
from assistant.text.words import content_stems

GAP = "…"


def select(
    question: Question, passages: Sequence[Passage], embedder: Embedder, policy: SelectPolicy
) -> tuple[Passage, ...]:
    """``passages`` in order, those longer than ``policy.passage_tokens`` cut down to it; gaps are marked.

    The sentences nearest to the question come first, each with the ones it cannot be read without; at least
    ``policy.min_sentences`` of a passage stay, and so may exceed its tokens. Tokens are the embedder's.
    """
    if not policy.passage_tokens:
        return tuple(passages)
    return tuple(
        passage
        if passage.chunk.tokens <= policy.passage_tokens
        else _shortened(passage, reading_units(passage.chunk.text), question, embedder, policy)
        for passage in passages
    )


def _shortened(
    passage: Passage, units: Sequence[Unit], question: Question, embedder: Embedder, policy: SelectPolicy
) -> Passage:
    text = passage.chunk.text
    tokens = embedder.count_tokens([text[unit.start : unit.end] for unit in units])
    kept: set[int] = set()
    used = 0
    for place in _by_nearness(passage, units, question, embedder, policy):
        wanted = ({place} | units[place].needs) - kept
        cost = sum(tokens[unit] for unit in wanted)
        if used + cost <= policy.passage_tokens or len(kept) < policy.min_sentences:
            kept |= wanted
            used += cost
    if len(kept) == len(units):
        return passage
    chunk = passage.chunk.model_copy(update={"text": _joined(text, units, sorted(kept)), "tokens": used})
    return passage.model_copy(update={"chunk": chunk})


def _by_nearness(
    passage: Passage, units: Sequence[Unit], question: Question, embedder: Embedder, policy: SelectPolicy
) -> list[int]:
    """Indices of the units, nearest to the question first: by meaning, read with what they need, and by its words."""
    text = passage.chunk.text
    read = [
        " ".join(text[units[n].start : units[n].end] for n in (*sorted(unit.needs), place))
        for place, unit in enumerate(units)
    ]
    queries = question.search_queries()
    if not queries:
        return list(range(len(units)))
    vectors = embedder.embed([*queries, *(f"{passage.chunk.heading_line()}\n{part}" for part in read)])
    near = (vectors[len(queries) :] @ vectors[: len(queries)].T).max(axis=1)
    asked = set(content_stems(" ".join(question.asks), question.language))
    found = [len(asked & set(content_stems(part, question.language))) / max(len(asked), 1) for part in read]
    scores = near + policy.lexical_weight * np.asarray(found, dtype=np.float32)
    return sorted(range(len(units)), key=lambda place: (-float(scores[place]), place))


def _joined(text: str, units: Sequence[Unit], kept: Sequence[int]) -> str:
    """The kept units as they stand in ``text``, with a mark wherever something is left out."""
    parts: list[str] = [] if kept[0] == 0 else [f"{GAP} "]
    for place, following in zip(kept, (*kept[1:], len(units)), strict=True):
        parts.append(text[units[place].start : units[place].end])
        if following == len(units):
            parts.append(f" {GAP}" if place + 1 < len(units) else "")
            break
        between = text[units[place].end : units[following].start]
        if following > place + 1:
            between = f"\n{GAP}\n" if "\n" in between else f" {GAP} "
        parts.append(between)
    return "".join(parts)
