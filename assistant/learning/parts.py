"""What learning is made of: the ports it works with, and the cases it works on."""

from dataclasses import dataclass

from assistant.kernel.conversation import Question
from assistant.kernel.learning import Case, Lesson
from assistant.kernel.policy import Policy
from assistant.ports import (
    Clock,
    Embedder,
    IndexReader,
    JobStore,
    LessonReader,
    ProposalStore,
    Transactions,
    UploadStore,
)  # fmt: skip
from assistant.stages.redact import mask
from assistant.text.reply_body import reply_body
from assistant.text.words import content_stems

SHORT_CHARS = 300
MIN_TELLING_WORDS = 4


@dataclass(frozen=True)
class Learning:
    """All that finding gaps and deciding on articles needs; no language model is among it."""

    lessons: LessonReader
    proposals: ProposalStore
    uploads: UploadStore
    jobs: JobStore
    transactions: Transactions
    index: IndexReader
    embedder: Embedder
    policy: Policy
    clock: Clock


def case_of(lesson: Lesson) -> Case:
    """What a ticket asked and what a person answered, masked again, without markup, greeting and signature.

    A person's answer to a helpdesk's ticket is feedback on its run (the letter is then ANSWERED), so feedback with a
    sent text is all there is to look at.
    """
    run = lesson.run
    question = run.question
    sent = [given for given in lesson.feedback if given.feedback.sent_text.strip()]
    said = [message.text for message in question.transcript if message.author == "customer"]
    return Case(
        run_ids=(run.id,),
        asked_at=run.created_at,
        language=question.language,
        question=mask(_asked(question)),
        said=mask("\n".join([question.subject, *said])),
        answer=mask(reply_body(sent[-1].feedback.sent_text)) if sent else "",
        answered_at=sent[-1].given_at if sent else "",
    )


def _asked(question: Question) -> str:
    """What is asked: a short message whole, without greeting and closing; of a long one the sentences that ask.

    A sentence such as "How do I fix this?" says nothing without the one before it.
    """
    text = reply_body(question.text)
    asks = "\n".join(dict.fromkeys(part for part in (question.subject, *question.asks) if part.strip()))
    telling = len(set(content_stems(asks, question.language))) >= MIN_TELLING_WORDS
    return asks if len(text) > SHORT_CHARS and telling else text or asks


def by_ticket(lessons: list[Lesson]) -> list[Case]:
    """One case a ticket, oldest first: a customer who writes three times is not three customers.

    Tickets are told apart by helpdesk id and subject; runs without a ticket's id are one each. The newest question
    and the newest answer count.
    """
    cases: dict[tuple[str, str], Case] = {}
    for lesson in sorted(lessons, key=lambda lesson: (lesson.run.created_at, lesson.run.id)):
        run, case = lesson.run, case_of(lesson)
        ticket = (run.ticket_id, run.question.subject) if run.ticket_id is not None else (run.id, "")
        before = cases.pop(ticket, None)
        cases[ticket] = case if before is None else _joined(before, case)
    return sorted(cases.values(), key=lambda case: (case.asked_at, case.run_ids))


def _joined(before: Case, case: Case) -> Case:
    answered = case if case.answer else before
    return case.model_copy(
        update={
            "run_ids": before.run_ids + case.run_ids,
            "asked_at": before.asked_at,
            "said": f"{before.said}\n{case.said}",
            "answer": answered.answer,
            "answered_at": answered.answered_at,
        }
    )
