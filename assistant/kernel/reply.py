"""A run as it is told to the outside: the JSON of ``deskhand draft --json`` and ``POST /v1/drafts``."""

from typing import Literal, assert_never

from assistant.kernel.conversation import Answer, Clarify, Draft, Handoff, Refuse, Sentence, Tier
from assistant.kernel.knowledge import Audience, Passage
from assistant.kernel.reasons import Reason, explain
from assistant.kernel.runs import Run
from assistant.kernel.value import Value


class ReplyCitation(Value):
    """``n`` is the mark in the text; ``quote`` the words of the passage that support the sentence."""

    n: int
    passage_id: str
    document: str
    title: str
    quote: str
    url: str
    audience: Audience


class ReplySentence(Value):
    """``lead`` stands before it in the draft: a space, or a line break with a list marker if there is one.

    ``checked`` is false in a draft whose language its sources do not share; its citations then have no quote.
    """

    text: str
    citations: tuple[ReplyCitation, ...]
    lead: str = ""
    checked: bool = True


class ReplyDraft(Value):
    text: str
    sentences: tuple[ReplySentence, ...]


class ReplyClarification(Value):
    question: str
    options: tuple[str, ...]


class ReplyRefusal(Value):
    """Words that decline, for a person to send."""

    text: str


class ReplyPassage(Value):
    passage_id: str
    document: str
    title: str
    heading: str
    text: str
    url: str
    audience: Audience
    outdated: bool = False


class ReplyHandoff(Value):
    """``draft`` is one that could not be checked, or is not sure enough: for a person who checks it, never to be sent by itself. ``missing``
    are words of the customer's that no passage has; ``team`` is empty where none is proposed.
    """

    reason: Reason
    summary: str
    passages: tuple[ReplyPassage, ...]
    tried: tuple[str, ...]
    draft: ReplyDraft | None = None
    missing: tuple[str, ...] = ()
    team: str = ""


class ReplyReason(Value):
    code: Reason
    text: str


class Reply(Value):
    """``confidence`` is null unless a calibration is in force (``deskhand calibrate``): raw scores are not shown as one."""

    decision: Literal["answer", "clarify", "refuse", "handoff"]
    tier: Tier | None
    draft: ReplyDraft | None
    clarification: ReplyClarification | None
    refusal: ReplyRefusal | None = None
    handoff: ReplyHandoff | None
    reasons: tuple[ReplyReason, ...]
    confidence: float | None
    run_id: str
    language: str
    timings_ms: dict[str, float]


def reply_of(run: Run) -> Reply:
    """What the outside sees of a run."""
    decision = run.decision
    draft = clarification = refusal = handoff = tier = None
    match decision:
        case Answer():
            tier = decision.draft.tier
            draft = _draft(decision.draft)
        case Clarify():
            clarification = ReplyClarification(question=decision.question, options=decision.options)
        case Refuse():
            refusal = ReplyRefusal(text=decision.text)
        case Handoff():
            handoff = _handoff(decision)
        case _:
            assert_never(decision)
    return Reply(
        decision=decision.kind,
        tier=tier,
        draft=draft,
        clarification=clarification,
        refusal=refusal,
        handoff=handoff,
        reasons=tuple(
            ReplyReason(code=code, text=text)
            for code, text in zip(decision.reasons, explain(decision.reasons), strict=True)
        ),
        confidence=run.confidence,
        run_id=run.id,
        language=_language(run),
        timings_ms=run.timings_ms,
    )


def reply_sentence(sentence: Sentence) -> ReplySentence:
    """What the outside sees of a sentence: no raw support."""
    return ReplySentence(
        text=sentence.text,
        citations=tuple(
            ReplyCitation.model_validate(citation.model_dump(exclude={"start", "end"}))
            for citation in sentence.citations
        ),
        lead=sentence.lead,
        checked=sentence.checked,
    )


def reply_passage(passage: Passage) -> ReplyPassage:
    """What the outside sees of a passage: no raw scores."""
    chunk = passage.chunk
    return ReplyPassage(
        passage_id=chunk.id,
        document=chunk.document_key,
        title=chunk.title,
        heading=" > ".join(chunk.heading_path),
        text=chunk.text,
        url=chunk.url,
        audience=chunk.audience,
        outdated=chunk.outdated,
    )


def _draft(draft: Draft) -> ReplyDraft:
    return ReplyDraft(text=draft.text, sentences=tuple(reply_sentence(sentence) for sentence in draft.sentences))


def _language(run: Run) -> str:
    """The language the draft was asked for in, else the ticket's."""
    asked = run.attempts[-1].raw.wish.language if run.attempts else ""
    return asked or run.question.language


def _handoff(handoff: Handoff) -> ReplyHandoff:
    return ReplyHandoff(
        reason=handoff.reasons[0],
        summary=handoff.summary,
        tried=handoff.tried,
        passages=tuple(reply_passage(passage) for passage in handoff.passages),
        draft=_draft(handoff.draft) if handoff.draft is not None else None,
        missing=handoff.missing,
        team=handoff.team,
    )
