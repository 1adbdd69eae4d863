"""Question, RawDraft and Verdict → what tells whether people would accept the draft. A calibration makes a probability of it."""

import re
from collections.abc import Sequence
from math import log1p

from assistant.kernel.conversation import Question, RawDraft, Verdict
from assistant.kernel.knowledge import Passage
from assistant.kernel.reasons import Reason
from assistant.ports import Reranker
from assistant.text.words import content_stems, share, strip_citations, words

_LACKING = re.compile(
    r"\b(?:(?:does|do|did) not|(?:does|do|did)n't|no (?:specific |further |direct )?(?:information|mention|details?)"
    r"|not (?:specif\w+|explicit\w*|mention\w*|provide\w*|clear))\b",
    re.IGNORECASE,
)
LOW = 0.1
"""The quantile of log-probabilities that stands for a draft's least sure words."""


def appraise(
    question: Question, raw: RawDraft, verdict: Verdict, passages: Sequence[Passage], reranker: Reranker | None = None
) -> dict[str, float]:
    """Features of the draft as it was written; of ``passages`` those count that it was shown.

    ``faithfulness`` is the check's (the support of what stands where that is not fitted), ``dropped`` the share of sentences that fell,
    ``lacking`` is 1 where something is said to be missing, ``no_answer`` where the draft gives up; ``on_question`` is the share of
    what is asked that draft and quotes have, ``echoed`` that the draft has, ``known`` that the best passage has; ``relevance`` is the
    reranker's logit for the newest turn and the draft (0 without a reranker);
    ``logprob`` is the mean of the words', ``logprob_low`` their tenth percentile (0 where the model told none).
    """
    text = strip_citations(raw.completion.text)
    stems = frozenset(content_stems(text, question.language))
    asked = list(dict.fromkeys(content_stems(question.text, question.language)))
    shown = [passage.chunk for passage in passages if passage.chunk.id in raw.passages_used]
    held = [frozenset(content_stems(chunk.text, question.language)) for chunk in shown]
    kept = len(verdict.draft.sentences)
    chances = sorted(raw.completion.logprobs)
    return {
        "faithfulness": verdict.support if verdict.faithfulness is None else verdict.faithfulness,
        "dropped": verdict.dropped / (kept + verdict.dropped) if kept + verdict.dropped else 1.0,
        "lacking": float(bool(_LACKING.search(text.replace("’", "'")))),
        "no_answer": float(any(finding.reason is Reason.NO_ANSWER_IN_DRAFT for finding in verdict.findings)),
        "on_question": verdict.question_coverage,
        "echoed": share(asked, stems),
        "known": max((share(asked, some) for some in held), default=0.0),
        "relevance": reranker.score(question.text, [text])[0] if reranker and text.strip() else 0.0,
        "length": log1p(len(words(text))),
        "logprob": sum(chances) / len(chances) if chances else 0.0,
        "logprob_low": chances[int(LOW * len(chances))] if chances else 0.0,
    }
