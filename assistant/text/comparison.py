"""What an agent sent beside what was drafted: how far apart, and which cited sentences are still there."""

from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein

from assistant.kernel.conversation import Clarify, Draft, Refuse, proposed
from assistant.kernel.runs import Compared, Run
from assistant.text.sentences import split_sentences
from assistant.text.words import strip_citations, words

KEPT_FROM = 0.8
"""Word similarity from which a sentence of the draft counts as still there: one word in five may differ."""


def compare_with_run(run: Run, sent: str) -> Compared | None:
    """``sent`` beside what the agent was shown of ``run``; None when nothing was sent, or nothing had been drafted."""
    decision = run.decision
    if not sent.strip():
        return None
    if isinstance(decision, Clarify | Refuse):
        return compare(proposed(decision), None, sent)
    return compare(decision.draft.text, decision.draft, sent) if decision.draft is not None else None


def compare(text: str, draft: Draft | None, sent: str) -> Compared:
    """``sent`` beside the drafted ``text``; ``draft`` has its sentences, or is None for a question back.

    The distance is Levenshtein's over lower-cased words (rapidfuzz), divided by the longer text's words. Greetings
    and signatures count as edits. A sentence that was cut in two or merged with another may count as not kept.
    """
    before, after = _words(text), _words(sent)
    sent_sentences = [_words(span.text) for span in split_sentences(sent)]
    cited = [place for place, sentence in enumerate(draft.sentences if draft else ()) if sentence.citations]
    kept = [place for place in cited if draft and _stands_in(_words(draft.sentences[place].text), sent_sentences)]
    return Compared(
        similarity=round(Levenshtein.normalized_similarity(before, after), 4),
        edits=Levenshtein.distance(before, after),
        cited=len(cited),
        kept=tuple(kept),
    )


def _stands_in(sentence: Sequence[str], sentences: Sequence[Sequence[str]]) -> bool:
    return any(Levenshtein.normalized_similarity(sentence, other) >= KEPT_FROM for other in sentences)


def _words(text: str) -> list[str]:
    return [word.lower() for word in words(strip_citations(text))]
