"""Every ProposalStore: a proposal comes back whole, to its own tenant, and two people cannot both decide on it."""

from collections.abc import Callable

import pytest

from assistant.adapters.memory.learning import MemoryProposalStore
from assistant.adapters.store.database import Sessions
from assistant.adapters.store.learning import SqlProposalStore
from assistant.kernel.errors import InputError, NotFound
from assistant.kernel.learning import Article, ArticleProposal, ArticleSentence, Gap, ProposalState
from assistant.ports import ProposalStore

GAP = Gap(
    question="How long is a gift card valid?", questions=(), keywords=("gift", "card"), language="en", tickets=3,
    answered=1, similarity=0.8, first_at="2026-10-01T00:00:00+00:00", last_at="2026-11-01T00:00:00+00:00",
    run_ids=("r1", "r2", "r3"),
)  # fmt: skip
THREE_YEARS = ArticleSentence(text="Gift cards are valid for three years.", item=False, run_ids=("r2",))
PROPOSAL = ArticleProposal(
    id="p1", tenant="default", state=ProposalState.PROPOSED, gap=GAP,
    article=Article(title="How long is a gift card valid", sentences=(THREE_YEARS,), notes=("Look.",)),
    created_at="2026-11-02T00:00:00+00:00", updated_at="2026-11-02T00:00:00+00:00",
)  # fmt: skip


@pytest.fixture
def proposals(backend: str, sessions: Callable[[], Sessions]) -> ProposalStore:
    return MemoryProposalStore() if backend == "memory" else SqlProposalStore(sessions())


def test_a_proposal_comes_back_as_it_was(proposals: ProposalStore) -> None:
    proposals.add(PROPOSAL)
    assert proposals.get("default", "p1") == PROPOSAL
    with pytest.raises(NotFound):
        proposals.get("somebody-else", "p1")
    assert proposals.find("somebody-else") == []


def test_the_last_changed_come_first_and_states_are_told_apart(proposals: ProposalStore) -> None:
    proposals.add(PROPOSAL)
    later = PROPOSAL.model_copy(update={"id": "p2", "updated_at": "2026-11-03T00:00:00+00:00"})
    proposals.add(later)
    rejected = PROPOSAL.model_copy(
        update={"state": ProposalState.REJECTED, "why": "rare", "updated_at": "2026-11-04T00:00:00+00:00"}
    )
    proposals.update(rejected, seen=ProposalState.PROPOSED)
    assert proposals.find("default") == [rejected, later]
    assert proposals.find("default", [ProposalState.PROPOSED]) == [later]


def test_what_was_decided_meanwhile_is_not_decided_again(proposals: ProposalStore) -> None:
    proposals.add(PROPOSAL)
    approved = PROPOSAL.model_copy(update={"state": ProposalState.APPROVED})
    proposals.update(approved, seen=ProposalState.PROPOSED)
    with pytest.raises(InputError, match="no longer proposed"):
        proposals.update(PROPOSAL.model_copy(update={"state": ProposalState.REJECTED}), seen=ProposalState.PROPOSED)
    with pytest.raises(InputError):
        proposals.update(approved.model_copy(update={"tenant": "somebody-else"}), seen=ProposalState.APPROVED)
    assert proposals.get("default", "p1") == approved


def test_what_is_added_alone_can_be_found_inside_and_after(proposals: ProposalStore) -> None:
    with proposals.alone():
        proposals.add(PROPOSAL)
        assert proposals.find("default") == [PROPOSAL]
    assert proposals.find("default") == [PROPOSAL]


@pytest.mark.parametrize("backend", ["sqlite", "postgres"], indirect=True)
def test_what_is_added_alone_is_kept_whole_or_not_at_all(proposals: ProposalStore) -> None:
    with pytest.raises(OSError, match="cut off"), proposals.alone():
        proposals.add(PROPOSAL)
        raise OSError("cut off")
    assert proposals.find("default") == []
