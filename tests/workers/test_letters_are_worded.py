"""``deliver()``: what a run leaves at a ticket, and when it may reach a customer."""

from collections.abc import Callable

import pytest

from assistant.kernel.conversation import Ticket
from assistant.kernel.helpdesks import HelpdeskTicket, PublicReplies
from assistant.kernel.knowledge import Scope
from assistant.kernel.runs import Run
from assistant.pipeline import Desk, answer
from assistant.stages.deliver import deliver
from tests.workers.test_tickets_are_answered import ACME, DESCALE, copying

MakeDesk = Callable[..., Desk]


@pytest.fixture
def answered(make_desk: MakeDesk, scope: Scope) -> Run:
    return answer(Ticket.from_text(DESCALE), scope, make_desk(copying))


@pytest.mark.parametrize(
    ("confidence", "tags", "rules", "public"),
    [
        (None, ("faq",), (PublicReplies(tag="faq", min_confidence=0.9),), False),
        (0.95, ("faq",), (), False),
        (0.95, ("billing",), (PublicReplies(tag="faq", min_confidence=0.9),), False),
        (0.85, ("faq",), (PublicReplies(tag="faq", min_confidence=0.9),), False),
        (0.95, ("faq",), (PublicReplies(tag="faq", min_confidence=0.9),), True),
    ],
)
def test_a_customer_is_answered_only_with_leave_and_a_calibrated_confidence(
    answered: Run, confidence: float | None, tags: tuple[str, ...], rules: tuple[PublicReplies, ...], public: bool
) -> None:
    ticket = HelpdeskTicket(id="7", subject="", entries=(), open=True, tags=tags)
    connection = ACME.model_copy(update={"public_replies": rules})
    writing = deliver(answered, ticket, connection, "dh-0", confidence)
    assert bool(writing.public_reply) == public
    assert "[1]" not in writing.public_reply


def test_what_a_document_or_customer_wrote_is_escaped_in_the_note(answered: Run) -> None:
    hostile = answered.decision.model_copy(
        update={"draft": answered.decision.draft.model_copy(update={"text": "<script>alert(1)</script> & [1]"})}  # type: ignore[union-attr]
    )
    run = answered.model_copy(update={"decision": hostile})
    ticket = HelpdeskTicket(id="7", subject="", entries=(), open=True)
    writing = deliver(run, ticket, ACME, "dh-0", None)
    assert "<script" not in writing.note + writing.draft
    assert "&lt;script&gt;" in writing.note
