"""What people teach: feedback read back with its run, questions the knowledge base lacks, articles proposed for them."""

from enum import StrEnum
from typing import Literal

from assistant.kernel.knowledge import Audience
from assistant.kernel.reasons import Reason
from assistant.kernel.runs import Feedback, Run
from assistant.kernel.value import Value

VERDICTS = ("up", "down", "sent", "edited", "discarded")

LACKING = frozenset({Reason.NO_EVIDENCE, Reason.WEAK_EVIDENCE, Reason.NO_ANSWER_IN_DRAFT, Reason.OFF_QUESTION})
"""A handoff with one of these means that the knowledge base lacks the answer: nothing close was found, what was
found does not carry a draft, the model says that the answer is not there, or the draft is about something else.

Not here: ``unsupported_*``, ``repeats_question``, ``wrong_language`` and ``cut_short`` on their own (the model wrote
badly; when nothing it wrote could be kept, ``weak_evidence`` stands beside them), and what is ours or the customer's:
``model_unavailable``, ``out_of_time``, ``question_too_long``, ``person_requested``, ``no_question``.
"""


CHANGE_FROM = 0.6
"""Cosine of a gap's question and its nearest document from which that document is taken to be about the same."""


class GivenFeedback(Value):
    """Feedback as it was given: its id, and when."""

    id: str
    given_at: str
    feedback: Feedback


class Lesson(Value):
    """A run with what people said of it, oldest first."""

    run: Run
    feedback: tuple[GivenFeedback, ...]


class Case(Value):
    """A ticket whose answer the knowledge base lacks, masked; ``run_ids`` are its runs, oldest first.

    ``question`` is what was asked, ``said`` all that the customer wrote: it tells what only this customer would say.
    ``answer`` is what a person sent in the end, or empty.
    """

    run_ids: tuple[str, ...]
    asked_at: str
    language: str
    question: str
    said: str
    answer: str = ""
    answered_at: str = ""


class NearestArticle(Value):
    """The document closest to a gap's question, by cosine (-1 to 1)."""

    document: str
    title: str
    url: str
    audience: Audience
    similarity: float


class Gap(Value):
    """Tickets that ask the same and find no answer. ``question`` is the most typical; ``similarity`` how alike they are.

    ``tickets`` counts them, ``answered`` those that a person answered later; ``similarity`` is the mean cosine of
    the typical question to the others. ``questions`` are some of the other wordings.
    """

    question: str
    questions: tuple[str, ...]
    keywords: tuple[str, ...]
    language: str
    tickets: int
    answered: int
    similarity: float
    first_at: str
    last_at: str
    run_ids: tuple[str, ...]
    nearest: NearestArticle | None = None


class ArticleSentence(Value):
    """A sentence that agents sent, and the runs it was the answer to. ``item``: it was one of a list."""

    text: str
    item: bool
    run_ids: tuple[str, ...]


class Article(Value):
    """A proposed article: what agents answered, nothing else. ``notes`` tell the person who decides what to look at."""

    title: str
    sentences: tuple[ArticleSentence, ...]
    notes: tuple[str, ...]


class ProposalState(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


class ArticleProposal(Value):
    """An article proposed for a gap, for a person to approve or reject.

    ``decided_tickets`` is how many tickets the gap had when a person last decided, ``why`` what they said,
    ``document`` the name under which an approved one was sent to be ingested.
    """

    id: str
    tenant: str
    state: ProposalState
    gap: Gap
    article: Article
    decided_tickets: int = 0
    why: str = ""
    document: str = ""
    created_at: str
    updated_at: str

    @property
    def reopened(self) -> bool:
        """Whether it was approved before, and is proposed again because its gap grew."""
        return bool(self.document) and self.state is ProposalState.PROPOSED

    @property
    def kind(self) -> Literal["new", "change"]:
        """Whether an article about this is there already: one approved before, or a document close enough to change."""
        near = self.gap.nearest is not None and self.gap.nearest.similarity >= CHANGE_FROM
        return "change" if self.reopened or near else "new"
