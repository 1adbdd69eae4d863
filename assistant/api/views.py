"""Replies with safe HTML beside each text, for whoever shows them in a browser. Texts lose what nobody sees."""

from assistant.kernel.reply import (
    Reply,
    ReplyCitation,
    ReplyClarification,
    ReplyDraft,
    ReplyHandoff,
    ReplyPassage,
    ReplySentence,
)  # fmt: skip
from assistant.text.safe_html import safe_html, safe_inline_html, seen


class SentenceView(ReplySentence):
    """``html`` is inline: emphasis, code, and links that say where they lead."""

    html: str


class DraftView(ReplyDraft):
    sentences: tuple[SentenceView, ...]


class PassageView(ReplyPassage):
    """``html`` is blocks: paragraphs, lists, tables."""

    html: str


class HandoffView(ReplyHandoff):
    passages: tuple[PassageView, ...]
    draft: DraftView | None = None


class ReplyView(Reply):
    """A Reply with HTML beside the texts of sentences and passages."""

    draft: DraftView | None
    handoff: HandoffView | None


def view_of(reply: Reply) -> ReplyView:
    """``reply`` to be shown in a browser."""
    fields = dict(reply)
    asked = reply.clarification
    fields["draft"] = _draft(reply.draft)
    fields["handoff"] = _handoff(reply.handoff)
    fields["clarification"] = asked and ReplyClarification(
        question=seen(asked.question), options=tuple(seen(option) for option in asked.options)
    )
    return ReplyView.model_validate(fields)


def sentence_view(sentence: ReplySentence) -> SentenceView:
    return SentenceView.model_validate(
        dict(sentence)
        | {
            "text": seen(sentence.text),
            "html": safe_inline_html(sentence.text),
            "citations": tuple(_citation(citation) for citation in sentence.citations),
        }
    )


def passage_view(passage: ReplyPassage) -> PassageView:
    shown = {name: seen(getattr(passage, name)) for name in ("title", "heading", "text")}
    return PassageView.model_validate(dict(passage) | shown | {"html": safe_html(passage.text)})


def _draft(draft: ReplyDraft | None) -> DraftView | None:
    if draft is None:
        return None
    return DraftView(text=seen(draft.text), sentences=tuple(sentence_view(sentence) for sentence in draft.sentences))


def _handoff(handoff: ReplyHandoff | None) -> HandoffView | None:
    if handoff is None:
        return None
    return HandoffView(
        reason=handoff.reason,
        summary=seen(handoff.summary),
        passages=tuple(passage_view(passage) for passage in handoff.passages),
        tried=tuple(seen(tried) for tried in handoff.tried),
        draft=_draft(handoff.draft),
    )


def _citation(citation: ReplyCitation) -> ReplyCitation:
    return citation.model_copy(update={"title": seen(citation.title), "quote": seen(citation.quote)})
