"""What the human gets when Deskhand stops: the case in a paragraph, the evidence, and what was tried.

Code writes it, so it is there even when no model is.
"""

from collections.abc import Sequence

from assistant.kernel.conversation import Draft, Handoff, Question
from assistant.kernel.knowledge import Evidence
from assistant.kernel.reasons import Reason, explain
from assistant.kernel.runs import Attempt
from assistant.text.words import content_stems, words

_QUOTED_CHARS = 280
_MISSING_WORDS = 8


def hand_off(
    question: Question,
    evidence: Evidence,
    attempts: Sequence[Attempt],
    incidents: Sequence[str],
    reasons: Sequence[Reason],
    draft: Draft | None = None,
    team: str = "",
) -> Handoff:
    """The structured handoff. Nothing in a ticket's or document's text can trigger or suppress it."""
    tried = [_tried(attempt) for attempt in attempts] + list(incidents)
    return Handoff(
        reasons=tuple(reasons),
        summary=_summary(question, evidence, reasons, len(attempts)),
        passages=evidence.passages,
        tried=tuple(tried),
        draft=draft,
        missing=_missing(question, evidence),
        team=team,
    )


def _tried(attempt: Attempt) -> str:
    findings = [f"{finding.reason}: {finding.detail}" for finding in attempt.verdict.findings]
    return f"{attempt.raw.tier} model ({attempt.raw.model.name}): " + ("; ".join(findings) or "not accepted")


def _missing(question: Question, evidence: Evidence) -> tuple[str, ...]:
    """Words of what is asked that no passage has, as the customer wrote them. None where nothing was found at all: that is said already."""
    texts = [f"{passage.chunk.heading_line()}\n{passage.chunk.text}" for passage in evidence.passages]
    known = frozenset(content_stems("\n".join(texts), question.language))
    asked = {
        stem: word
        for ask in question.asks
        for word in words(ask)
        for stem in content_stems(word, question.language)
        if stem not in known
    }
    return tuple(asked.values())[:_MISSING_WORDS] if texts else ()


def _summary(question: Question, evidence: Evidence, reasons: Sequence[Reason], drafts: int) -> str:
    text = " ".join(question.text.split())
    asked = text if len(text) <= _QUOTED_CHARS else text[:_QUOTED_CHARS].rsplit(" ", 1)[0] + " …"
    titles = list(dict.fromkeys(passage.chunk.title for passage in evidence.passages))[:3]
    found = f"Closest in the knowledge base: {', '.join(titles)}." if titles else "Nothing was found for it."
    turns = sum(message.author == "customer" for message in question.transcript)
    parts = [
        f"The customer writes ({question.language}, message {turns} of theirs): “{asked}”" if text else "",
        " ".join(explain(reasons)),
        found,
        f"Drafts tried: {drafts}." if drafts else "No draft was tried.",
    ]
    return " ".join(part for part in parts if part)
