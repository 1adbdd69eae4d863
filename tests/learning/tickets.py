"""Tickets of the demo shop that its help centre does not answer, and what agents wrote back."""

from collections.abc import Sequence
from typing import NamedTuple

from assistant.kernel.conversation import Handoff, Message, Ticket
from assistant.kernel.knowledge import Scope
from assistant.kernel.reasons import Reason
from assistant.kernel.runs import Feedback, Run
from assistant.pipeline import Desk, answer
from assistant.ports import RunStore


class Written(NamedTuple):
    """A customer's message, and the agent's answer if there is one."""

    asked: str
    answered: str = ""
    ticket_id: str | None = None


GIFT_CARDS = (
    Written(
        "Hello, I was given a Fernhill gift card for Christmas. How long is a gift card valid?\nThanks, Priya Raman",
        "Hi Priya,\n\nthanks for your message. Gift cards are valid for three years from the day they were bought. "
        "You can see the balance of a gift card under Account > Gift cards. I have extended yours by a month.\n\n"
        "Kind regards,\nHannah",
    ),
    Written(
        "When does my gift card expire? The number is GC-88213-X.",
        "Hello,\nGift cards are valid for three years from the day they were bought. Your card GC-88213-X runs until "
        "March. The balance of a gift card is shown under Account > Gift cards.\nBest regards\nTom",
    ),
    Written(
        "How long can I use a gift card before it expires? You can reach me at priya.k@example.org",
        "Gift cards are valid for three years from the day they were bought. Write to priya.k@example.org once more "
        "if the code is refused.",
    ),
    Written("Do your gift cards expire? I got one from my aunt."),
)
OFFICES = (
    Written(
        "We are an office of 30 people. Do you rent out coffee machines to offices?",
        "Dear Ms Okafor,\nWe rent the Duo to offices from twelve months on. A technician services it twice a year.\n"
        "Kind regards, Hannah",
    ),
    Written(
        "Can our office rent a coffee machine from you instead of buying it?",
        "<p>Hello Jens,</p><p>We rent the Duo to offices from <b>six</b> months on.</p>"
        "<script>alert('x')</script><p>A technician services it twice a year.</p><p>Best regards,<br>Tom</p>",
    ),
    Written("Is it possible to rent a machine for our office in Leeds?"),
)
ENGRAVING = (
    Written("Could you engrave a name on the Duo as a wedding present?"),
    Written("Do you offer engraving? I would like initials on the machine."),
)
ALONE = Written("Which of your coffees was served at the Harrogate fair in May?", "That was the Ethiopian one.")
EVERYTHING = (*GIFT_CARDS, *OFFICES, *ENGRAVING, ALONE)


def handed_off(
    desk: Desk, scope: Scope, asked: str, ticket_id: str | None = None, reason: Reason = Reason.NO_EVIDENCE
) -> Run:
    """A run that ended at a human for this reason."""
    run = answer(Ticket(id=ticket_id, messages=(Message(author="customer", text=asked),)), scope, desk)
    handoff = Handoff(reasons=(reason,), summary="", passages=run.evidence.passages, tried=())
    return run.model_copy(update={"decision": handoff})


def keep(tickets: Sequence[Written], desk: Desk, scope: Scope, runs: RunStore) -> list[Run]:
    """Record each ticket as handed off, then each answer as feedback."""
    kept = [handed_off(desk, scope, ticket.asked, ticket.ticket_id) for ticket in tickets]
    for run, ticket in zip(kept, tickets, strict=True):
        runs.record(run)
        if ticket.answered:
            runs.add_feedback(run.tenant, Feedback(run_id=run.id, verdict="sent", sent_text=ticket.answered))
    return kept
