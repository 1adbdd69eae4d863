"""Run → Writing: what is left at a helpdesk's ticket. Deciding what to write is pure; an adapter writes it.

Nothing here reaches a customer, unless the operator allowed it for tickets with a tag, and the calibrated
confidence that the draft is acceptable is known and high enough.
"""

from collections.abc import Sequence
from html import escape
from typing import assert_never

from assistant.kernel.conversation import Answer, Citation, Clarify, Decision, Handoff, Refuse
from assistant.kernel.helpdesks import Connection, HelpdeskTicket, Writing
from assistant.kernel.knowledge import Audience
from assistant.kernel.reasons import explain
from assistant.kernel.runs import Run
from assistant.text.words import strip_citations

MAX_QUOTE_CHARS = 300


def deliver(run: Run, ticket: HelpdeskTicket, connection: Connection, key: str, confidence: float | None) -> Writing:
    """What to leave at ``ticket``. ``confidence`` is the calibrated one, or None when there is no calibration."""
    decision = run.decision
    blocks = _blocks(decision, confidence)
    signature = f"Deskhand · run {run.id[:12]} · {key}"
    return Writing(
        key=key,
        note="".join(block.html() for block in blocks) + f"<p><small>{escape(signature)}</small></p>",
        note_text="\n\n".join(block.text() for block in blocks) + f"\n\n{signature}",
        draft=_paragraphs(_reply(decision)),
        public_reply=_paragraphs(_reply(decision)) if _may_send(decision, ticket, connection, confidence) else "",
        tags=(_TAGS[decision.kind],) if connection.tag else (),
        group=_group(decision, connection),
    )


def _group(decision: Decision, connection: Connection) -> str:
    """Who gets the ticket: the team that is proposed, where the operator lets any be assigned."""
    if not isinstance(decision, Handoff) or not connection.handoff_group:
        return ""
    return decision.team or connection.handoff_group


_TAGS = {
    "answer": "deskhand-draft",
    "clarify": "deskhand-question",
    "refuse": "deskhand-refusal",
    "handoff": "deskhand-handoff",
}


class _Block:
    """A heading with a text or a list below it, once as HTML and once as plain text."""

    def __init__(self, heading: str, text: str = "", items: Sequence[tuple[str, str]] = ()) -> None:
        self._heading, self._text, self._items = heading, text, items

    def html(self) -> str:
        links = "".join(f"<li>{_link(text, url)}</li>" for text, url in self._items)
        return f"<p><b>{escape(self._heading)}</b></p>{_paragraphs(self._text)}{links and f'<ul>{links}</ul>'}"

    def text(self) -> str:
        items = "\n".join(f"- {text}{f' ({url})' if _is_web(url) else ''}" for text, url in self._items)
        return "\n".join(part for part in (self._heading, self._text, items) if part)


def _blocks(decision: Decision, confidence: float | None) -> list[_Block]:
    match decision:
        case Answer(draft=draft, reasons=reasons):
            cited = {c.n: c for sentence in draft.sentences for c in sentence.citations}
            band = (
                "Not calibrated: check each sentence"
                if confidence is None
                else f"{confidence:.0%} of such drafts were acceptable"
            )
            return [
                _Block("Draft reply, to be checked before it is sent", draft.text),
                _Block("Sources", items=[_source(cited[n]) for n in sorted(cited)]),
                _Block("How sure", f"{band}. {' '.join(explain(reasons))}".strip()),
            ]
        case Clarify(question=question, options=options, reasons=reasons):
            return [
                _Block("Question to ask back", question),
                *([_Block("It could be about", items=[(option, "") for option in options])] if options else []),
                _Block("Why", " ".join(explain(reasons))),
            ]
        case Refuse(text=text, reasons=reasons):
            return [_Block("Reply that declines", text), _Block("Why", " ".join(explain(reasons)))]
        case Handoff(reasons=reasons, summary=summary, passages=passages, tried=tried, draft=held_back):
            found = [(_marked(p.chunk.heading_line(), p.chunk.audience), p.chunk.url) for p in passages]
            return [
                _Block("For a person", " ".join(explain(reasons))),
                _Block("The case", summary),
                *([_Block("Proposed to", decision.team)] if decision.team else []),
                *([_Block("No passage speaks of", ", ".join(decision.missing))] if decision.missing else []),
                *([_Block("A draft for a person to check", held_back.text)] if held_back is not None else []),
                *([_Block("What was found", items=found)] if found else []),
                *([_Block("What was tried", items=[(text, "") for text in tried])] if tried else []),
            ]
        case _:
            assert_never(decision)


def _source(citation: Citation) -> tuple[str, str]:
    quote = " ".join(citation.quote.split())
    shown = quote if len(quote) <= MAX_QUOTE_CHARS else f"{quote[:MAX_QUOTE_CHARS]}…"
    return f"[{citation.n}] {_marked(citation.title, citation.audience)}: “{shown}”", citation.url


def _marked(title: str, audience: Audience) -> str:
    return f"{title} (INTERNAL, do not pass on)" if audience is Audience.INTERNAL else title


def _reply(decision: Decision) -> str:
    """The words meant for the customer, without citation marks."""
    match decision:
        case Answer(draft=draft):
            return strip_citations(draft.text)
        case Clarify(question=text) | Refuse(text=text):
            return text
        case Handoff():
            return ""
        case _:
            assert_never(decision)


def _may_send(decision: Decision, ticket: HelpdeskTicket, connection: Connection, confidence: float | None) -> bool:
    if not isinstance(decision, Answer) or confidence is None:
        return False
    if any(c.audience is Audience.INTERNAL for sentence in decision.draft.sentences for c in sentence.citations):
        return False
    return any(rule.tag in ticket.tags and confidence >= rule.min_confidence for rule in connection.public_replies)


def _paragraphs(text: str) -> str:
    parts = [part for part in text.split("\n\n") if part.strip()]
    return "".join(f"<p>{'<br>'.join(escape(line) for line in part.splitlines())}</p>" for part in parts)


def _link(text: str, url: str) -> str:
    if not _is_web(url):
        return escape(text)
    return f'{escape(text)} <a href="{escape(url)}" rel="noopener noreferrer">{escape(url)}</a>'


def _is_web(url: str) -> bool:
    return url.startswith(("https://", "http://"))
