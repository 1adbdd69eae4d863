"""Retrieve: the passages for a question, by meaning and by words, within what the asker may see."""

import pytest

from assistant.adapters.memory.index import MemoryIndex
from assistant.adapters.memory.models import HashingEmbedder
from assistant.kernel.conversation import Message, Ticket
from assistant.kernel.knowledge import Audience, Chunk, Evidence, IndexedDocument, Scope
from assistant.policies import load_policy
from assistant.ports import IndexChange
from assistant.stages.redact import redact
from assistant.stages.retrieve import fuse, retrieve
from tests.conftest import with_outdated

POLICY = load_policy("default-10")[0].retrieval
Knowledge = tuple[MemoryIndex, HashingEmbedder]


def find(knowledge: Knowledge, text: str, scope: Scope, *earlier: str) -> Evidence:
    turns = [
        message
        for past in earlier
        for message in (Message(author="customer", text=past), Message(author="agent", text="…"))
    ]
    ticket = Ticket(messages=(*turns, Message(author="customer", text=text)))
    return retrieve(redact(ticket), scope, *knowledge, POLICY)


def files(evidence: Evidence) -> list[str]:
    return [passage.chunk.document_key.rsplit("/", 1)[-1] for passage in evidence.passages]


@pytest.mark.parametrize(
    ("question", "article"),
    [
        ("How do I descale the Fernhill Duo?", "descale-duo.md"),
        ("How can I pause my subscription?", "subscription-pause-or-skip.md"),
        ("Can I read the error codes of my Duo?", "duo-error-codes.html"),
        ("How do I book a repair?", "book-a-repair.md"),
    ],
)
def test_the_right_article_is_among_the_first(knowledge: Knowledge, scope: Scope, question: str, article: str) -> None:
    assert article in files(find(knowledge, question, scope))[:4]


def test_a_follow_up_is_found_with_the_turn_before_it(knowledge: Knowledge, scope: Scope) -> None:
    alone = files(find(knowledge, "And for the Mill?", scope))
    together = files(find(knowledge, "And for the Mill?", scope, "How do I clean the burrs?"))
    assert "mill-clean-the-burrs.md" in together[:3]
    assert "mill-clean-the-burrs.md" not in alone[:3]


def test_steps_that_a_passage_breaks_off_come_right_after_it(scope: Scope) -> None:
    index, embedder = MemoryIndex(), HashingEmbedder()
    texts = [
        "Replace the pump of the Duo:\n\n1. Unplug the Duo.\n2. Take off the back.",
        "3. Pull the two hoses.\n4. Lift it out.",
        "Washers are in the drawer.",
    ]
    chunks = [
        Chunk(
            id=str(n), document_key="doc:pump", title="", url="", audience=Audience.PUBLIC, ordinal=n, heading_path=(), text=text,
            tokens=20,
        )
        for n, text in enumerate(texts)
    ]  # fmt: skip
    vectors = dict(zip(texts, embedder.embed(texts), strict=True))
    document = IndexedDocument("doc:pump", "1", tuple(chunks))
    index.publish(scope.tenant, IndexChange((document,), (), vectors), embedder.identity, "test-1")
    question = redact(Ticket.from_text("How do I replace the pump of the Duo? Washers in the drawer?"))
    alone = retrieve(question, scope, index, embedder, POLICY.model_copy(update={"completed": 0}))
    whole = retrieve(question, scope, index, embedder, POLICY)
    assert [passage.chunk.id for passage in alone.passages] == ["0", "2", "1"]
    assert [passage.chunk.id for passage in whole.passages] == ["0", "1", "2"]


def test_internal_notes_are_found_only_by_those_who_may_read_them(knowledge: Knowledge, scope: Scope) -> None:
    question = "What goodwill refund may an agent give without approval?"
    assert "goodwill-refund-limits.md" not in files(find(knowledge, question, scope))
    staff = Scope(tenant=scope.tenant, audiences=frozenset(Audience))
    assert "goodwill-refund-limits.md" in files(find(knowledge, question, staff))[:2]


def test_another_tenant_finds_nothing(knowledge: Knowledge) -> None:
    assert find(knowledge, "How do I descale the Duo?", Scope(tenant="somebody-else")).passages == ()


def test_the_newest_turn_counts_most(knowledge: Knowledge, scope: Scope) -> None:
    descaling = files(find(knowledge, "How do I descale the Duo?", scope, "How can I pause my subscription?"))
    pausing = files(find(knowledge, "How can I pause my subscription?", scope, "How do I descale the Duo?"))
    assert descaling.index("descale-duo.md") < pausing.index("descale-duo.md")


def test_a_passage_found_both_ways_comes_before_one_found_once() -> None:
    scores = fuse({"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.2}, {"c": 12.0, "d": 11.0}, dense_share=0.5)
    assert max(scores, key=lambda name: scores[name]) == "c"


def test_fused_scores_are_shares_of_the_best_in_a_convex_combination() -> None:
    assert fuse({"a": 0.8, "b": 0.4}, {"b": 6.0}, dense_share=0.75) == pytest.approx({"a": 0.75, "b": 0.625})
    assert fuse({"a": -0.1}, {}, dense_share=0.75) == {"a": 0.0}
    assert fuse({}, {}, dense_share=0.75) == {}


@pytest.mark.parametrize(
    "asks",
    [
        ("How do I book a repair of my Duo?", "How can I pause my subscription?"),
        ("How do I descale the Duo?", "How do I clean the burrs of the Mill?", "How can I pause my subscription?"),
    ],
)
def test_of_several_questions_in_one_message_each_has_its_best_passage_among_the_first(
    knowledge: Knowledge, scope: Scope, asks: tuple[str, ...]
) -> None:
    best = {find(knowledge, ask, scope).passages[0].chunk.id for ask in asks}
    together = find(knowledge, " ".join(asks), scope).passages
    assert best <= {passage.chunk.id for passage in together[: 2 + len(asks)]}
    assert len({passage.chunk.id for passage in together}) == len(together) == POLICY.shown


def test_what_is_outdated_sinks(knowledge: Knowledge, scope: Scope) -> None:
    index, embedder = knowledge
    question = "How do I descale the Fernhill Duo?"
    found = find(knowledge, question, scope)
    assert files(found)[0] == "descale-duo.md"
    sunk = find((with_outdated(index, "descale-duo.md", scope), embedder), question, scope)
    assert files(sunk)[0] != "descale-duo.md"
    assert sunk.top_similarity == found.top_similarity
    assert not any(passage.chunk.outdated for passage in sunk.passages[:3])


@pytest.mark.parametrize("outdated", ["descale-duo.md", ".md"])
def test_reading_only_as_many_passages_as_it_takes_changes_nothing(
    knowledge: Knowledge, scope: Scope, outdated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked = (with_outdated(knowledge[0], outdated, scope), knowledge[1])
    asked = "How do I descale the Fernhill Duo?"
    monkeypatch.setattr("assistant.stages.retrieve.READ_AT_ONCE", 10_000)
    whole = find(marked, asked, scope)
    monkeypatch.setattr("assistant.stages.retrieve.READ_AT_ONCE", 3)
    assert find(marked, asked, scope) == whole


STORY = """
My Fernhill Duo has been making a bitter, slow espresso since the spring and the light on the front blinks. I bought the machine in
March with the yearly subscription of beans, the kitchen is in a region with hard water, and nobody told us about lime. My
daughter, who drinks most of the coffee, says the milk is never hot enough either, and the tray leaks on the counter. I have
cleaned the group, changed the beans twice, ground them coarser and finer, and asked a neighbour who owns the same model. I would
like to know what to do about the lime, how often, with which product, and whether the guarantee covers the machine after that.
If it does not, what would a repair cost, how do I book one, how do I pack the machine for the courier, and can the subscription of
beans be paused for as long as it is away?
"""


def test_a_story_is_looked_for_again_with_what_it_found(knowledge: Knowledge, scope: Scope) -> None:
    index, embedder = knowledge
    question = redact(Ticket.from_text(STORY))
    without = POLICY.model_copy(update={"feedback": POLICY.feedback.model_copy(update={"passages": 0})})
    plain, again = (retrieve(question, scope, index, embedder, policy) for policy in (without, POLICY))
    assert [p.fused for p in plain.passages] != [p.fused for p in again.passages]
    assert again.top_similarity == plain.top_similarity
    cosines = {p.chunk.id: p.similarity for p in plain.passages}
    assert all(p.similarity == cosines.get(p.chunk.id, p.similarity) for p in again.passages)
    short = redact(Ticket.from_text("How do I descale the Fernhill Duo?"))
    assert retrieve(short, scope, index, embedder, without) == retrieve(short, scope, index, embedder, POLICY)
