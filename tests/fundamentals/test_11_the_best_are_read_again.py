"""Rerank: where the order is not sure and the question stands alone, a cross-encoder reads the best passages again."""

from collections.abc import Sequence

import pytest

from assistant.adapters.memory.index import MemoryIndex
from assistant.adapters.memory.models import HashingEmbedder
from assistant.kernel.conversation import Message, Ticket
from assistant.kernel.knowledge import Evidence, Scope
from assistant.policies import load_policy
from assistant.stages.redact import redact
from assistant.stages.retrieve import retrieve

Knowledge = tuple[MemoryIndex, HashingEmbedder]
POLICY = load_policy("default-10")[0].retrieval
ANY_LEAD = POLICY.model_copy(update={"rerank": POLICY.rerank.model_copy(update={"max_lead": 1.0, "weight": 100.0})})
QUESTION = "How do I clean the burrs of my Fernhill Mill?"


class Preferring:
    """A reranker that wants the passage with a word first, and remembers what it was asked."""

    def __init__(self, word: str) -> None:
        self.word, self.asked = word, list[tuple[str, Sequence[str]]]()

    def score(self, question: str, passages: Sequence[str]) -> list[float]:
        self.asked.append((question, passages))
        return [float(self.word in passage) for passage in passages]


def find(
    knowledge: Knowledge,
    scope: Scope,
    reranker: Preferring,
    text: str = QUESTION,
    earlier: str = "",
    *,
    any_lead: bool = True,
) -> Evidence:
    policy = ANY_LEAD if any_lead else POLICY
    before = (Message(author="customer", text=earlier), Message(author="agent", text="…")) if earlier else ()
    ticket = Ticket(messages=(*before, Message(author="customer", text=text)))
    return retrieve(redact(ticket), scope, *knowledge, policy, reranker)


def test_its_order_counts_among_the_best_ten(knowledge: Knowledge, scope: Scope) -> None:
    before = retrieve(redact(Ticket.from_text(QUESTION)), scope, *knowledge, POLICY).passages
    wanted = before[3].chunk.text.split(".")[0]
    reranker = Preferring(wanted)
    after = find(knowledge, scope, reranker).passages
    assert wanted in after[0].chunk.text
    assert after[0].reranked == 1.0
    ((question, read),) = reranker.asked
    assert (question, len(read)) == (QUESTION, POLICY.rerank.passages)
    assert after[0].fused <= before[0].fused  # What it was found by stays as it was.


@pytest.mark.parametrize(
    ("why", "text", "earlier"),
    [
        ("it does not stand alone", "And the Mill?", QUESTION),
        ("it is a story", "My machine and the mill and the Duo broke on a different day each. " * 20, ""),
        ("it is not in English", "Wie reinige ich die Mahlscheiben meiner Fernhill Mill, bitte, und wie oft?", ""),
    ],
)
def test_it_is_not_asked_where_it_does_not_pay(
    knowledge: Knowledge, scope: Scope, why: str, text: str, earlier: str
) -> None:
    reranker = Preferring("Mill")
    find(knowledge, scope, reranker, text, earlier)
    assert reranker.asked == [], why


def test_a_first_question_stands_alone_however_short(knowledge: Knowledge, scope: Scope) -> None:
    reranker = Preferring("Mill")
    find(knowledge, scope, reranker, "How long is the warranty?")
    assert reranker.asked


def test_it_is_not_asked_where_the_first_is_far_ahead(knowledge: Knowledge, scope: Scope) -> None:
    reranker = Preferring("Mill")
    text = "What does error code E4, no water flow, on the display of the Fernhill Duo mean?"
    passages = find(knowledge, scope, reranker, text, any_lead=False).passages
    lead = passages[0].fused - passages[3].fused
    assert bool(reranker.asked) is (lead <= POLICY.rerank.max_lead)
    find(knowledge, scope, reranker, text)
    assert reranker.asked
