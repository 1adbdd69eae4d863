"""What was found for a question, as numbers that tell whether it can be answered, or says too little to know what is meant."""

from math import log1p

from assistant.kernel.conversation import Question
from assistant.kernel.knowledge import Evidence
from assistant.text.asks import count_questions
from assistant.text.words import content_stems, share

_AHEAD = 4
"""How far the best passage is ahead of the one so many places behind it: evidence for one thing stands out."""


def answerability(question: Question, evidence: Evidence) -> dict[str, float]:
    """Features for the fits of ``deskhand evaluate abstention``.

    ``similarity`` and ``second`` are the best two cosines, ``lead`` that of the best less the fifth's; ``lexical`` is the best
    BM25 for each word asked; ``covered`` the share of the words asked that the best passage has; ``asks`` is 1 for a message with a question in it.
    """
    similar = sorted((passage.similarity for passage in evidence.passages), reverse=True)
    similar += [0.0] * (_AHEAD + 1 - len(similar))
    asked = list(dict.fromkeys(content_stems(question.text, question.language)))
    best = evidence.passages[0].chunk if evidence.passages else None
    held = content_stems(f"{best.heading_line()}\n{best.text}", question.language) if best else ()
    return {
        "similarity": similar[0],
        "second": similar[1],
        "lead": similar[0] - similar[_AHEAD],
        "lexical": max((passage.lexical for passage in evidence.passages), default=0.0) / (1 + len(asked)),
        "covered": share(asked, frozenset(held)),
        "log_words": log1p(len(asked)),
        "turns": float(len(question.turns())),
        "asks": float(count_questions(question.asks) > 0),
    }
