"""Handed-off tickets become gaps and proposals; a proposal is kept once, decided on once, and comes back grown."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pytest

from assistant.adapters.memory.index import MemoryIndex
from assistant.adapters.memory.jobs import MemoryJobStore, MemoryTransactions, MemoryUploadStore
from assistant.adapters.memory.learning import MemoryLessons, MemoryProposalStore
from assistant.adapters.memory.models import ManualClock
from assistant.adapters.memory.runs import MemoryRunStore
from assistant.config import Settings
from assistant.kernel.errors import InputError, NotFound
from assistant.kernel.jobs import JobName
from assistant.kernel.knowledge import Audience, Scope
from assistant.kernel.learning import ArticleProposal, ProposalState
from assistant.kernel.reasons import Reason
from assistant.kernel.runs import Run
from assistant.learning.decisions import approve, reject
from assistant.learning.gaps import find_gaps, propose_articles
from assistant.learning.parts import Learning
from assistant.pipeline import Desk
from assistant.ports import Embedder
from assistant.wiring import App
from tests.learning.tickets import EVERYTHING, GIFT_CARDS, OFFICES, Written, handed_off, keep

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def real_embedder() -> Embedder:
    return App(Settings()).own_embedder


@dataclass
class Lab:
    """Learning over twins, and the ways into it."""

    parts: Learning
    runs: MemoryLessons
    uploads: MemoryUploadStore
    scope: Scope
    asking: Desk

    def keep(self, *tickets: Written) -> list[Run]:
        return keep(tickets, self.asking, self.scope, self.runs)

    def propose(self) -> list[ArticleProposal]:
        propose_articles("default", find_gaps("default", self.parts), self.parts)
        return self.parts.proposals.find("default")


@pytest.fixture
def lab(make_desk: Callable[..., Desk], real_embedder: Embedder, scope: Scope, clock: ManualClock) -> Lab:
    desk = make_desk()
    runs, uploads = MemoryLessons(MemoryRunStore(), clock), MemoryUploadStore()
    parts = Learning(
        lessons=runs, proposals=MemoryProposalStore(),
        uploads=uploads, jobs=MemoryJobStore(clock), transactions=MemoryTransactions(), index=MemoryIndex(),
        embedder=real_embedder, policy=desk.policy, clock=clock,
    )  # fmt: skip
    return Lab(parts, runs, uploads, scope, desk)


def test_tickets_that_ask_the_same_are_one_gap_largest_first(lab: Lab) -> None:
    lab.keep(*EVERYTHING)
    findings = find_gaps("default", lab.parts)
    gaps = [found.gap for found in findings.found]
    assert findings.tickets == len(EVERYTHING)
    assert [(gap.tickets, gap.answered) for gap in gaps] == [(4, 3), (3, 2), (2, 0)]
    assert "gift" in gaps[0].keywords
    assert "office" in gaps[1].keywords
    assert [found.gap.tickets for found in find_gaps("default", lab.parts, min_count=1).found] == [
        4,
        3,
        2,
        1,
    ]


def test_the_same_tickets_give_the_same_gaps_whatever_order_they_are_stored_in(lab: Lab) -> None:
    kept = lab.keep(*EVERYTHING)
    before = find_gaps("default", lab.parts)
    for run in reversed(kept):
        lab.runs._runs[run.id] = lab.runs._runs.pop(run.id)
    assert find_gaps("default", lab.parts) == before


def test_only_handoffs_for_lack_of_evidence_count(lab: Lab) -> None:
    for written in GIFT_CARDS:
        lab.runs.record(handed_off(lab.asking, lab.scope, written.asked, reason=Reason.PERSON_REQUESTED))
    assert find_gaps("default", lab.parts).tickets == 0


def test_a_customer_who_writes_three_times_is_one_ticket(lab: Lab) -> None:
    again = [Written(GIFT_CARDS[1].asked, ticket_id="1001") for _ in range(3)]
    lab.keep(*again)
    findings = find_gaps("default", lab.parts, min_count=1)
    assert [found.gap.tickets for found in findings.found] == [1]
    assert len(findings.found[0].gap.run_ids) == 3


def test_a_single_ticket_is_never_proposed(lab: Lab) -> None:
    lab.keep(*GIFT_CARDS[:1])
    found = propose_articles("default", find_gaps("default", lab.parts, min_count=1), lab.parts).found
    assert [item.proposal for item in found] == [None]
    assert lab.parts.proposals.find("default") == []


def test_nothing_of_a_customer_is_in_what_is_proposed_or_approved(lab: Lab) -> None:
    lab.keep(*EVERYTHING)
    proposals = lab.propose()
    told = json.dumps([proposal.model_dump(mode="json") for proposal in proposals])
    for secret in ("Priya", "Raman", "88213", "priya.k", "Okafor", "Jens", "Hannah", "Tom", "Leeds", "script"):
        assert secret not in told, secret
    for proposal in proposals:
        if proposal.article.sentences:
            done = approve("default", proposal.id, Audience.PUBLIC, lab.parts)
            assert b"[" not in lab.uploads.get(done.job.subject).data


def test_looking_again_updates_the_proposal_that_is_there(lab: Lab) -> None:
    lab.keep(*GIFT_CARDS[:2])
    (first,) = lab.propose()
    assert lab.propose()[0].id == first.id
    lab.keep(*GIFT_CARDS[2:])
    (second,) = lab.propose()
    assert (second.id, second.created_at) == (first.id, first.created_at)
    assert (first.gap.tickets, second.gap.tickets) == (2, 4)


def test_another_period_of_the_same_gap_finds_its_proposal_by_meaning(lab: Lab) -> None:
    lab.keep(*GIFT_CARDS[:2])
    (first,) = lab.propose()
    later = [Written("When does my gift card expire?"), Written("When will a gift card of yours expire?")]
    now = datetime.fromisoformat("2026-06-01T00:00:00+00:00")
    for written in later:
        run = handed_off(lab.asking, lab.scope, written.asked)
        lab.runs.record(run.model_copy(update={"created_at": now.isoformat()}))
    findings = propose_articles("default", find_gaps("default", lab.parts, since=now), lab.parts)
    assert [found.gap.tickets for found in findings.found] == [2]
    assert [proposal.id for proposal in lab.parts.proposals.find("default")] == [first.id]


def test_what_was_rejected_stays_so_until_twice_as_many_ask(lab: Lab) -> None:
    lab.keep(*GIFT_CARDS[:2])
    (proposal,) = lab.propose()
    reject("default", proposal.id, "Gift cards end this year.", lab.parts)
    lab.keep(GIFT_CARDS[2])
    (still,) = lab.propose()
    assert (still.state, still.gap.tickets) == (ProposalState.REJECTED, 2)
    lab.keep(GIFT_CARDS[3])
    (again,) = lab.propose()
    assert (again.state, again.gap.tickets) == (ProposalState.PROPOSED, 4)
    assert "rejected at 2 tickets: Gift cards end this year." in again.article.notes[0]


def test_what_was_approved_is_sent_to_be_ingested_and_comes_back_as_a_new_version(lab: Lab) -> None:
    lab.keep(*GIFT_CARDS[:2])
    (proposal,) = lab.propose()
    done = approve("default", proposal.id, Audience.INTERNAL, lab.parts, title="Gift cards")
    upload = lab.uploads.get(done.job.subject)
    assert done.job.name is JobName.INGEST_UPLOAD
    assert (upload.name, upload.audience) == (f"gap-{proposal.id}.md", Audience.INTERNAL)
    assert upload.data.decode().startswith("# Gift cards\n\nGift cards are valid for three years")
    lab.keep(*GIFT_CARDS[2:])
    (again,) = lab.propose()
    assert (again.state, again.kind) == (ProposalState.PROPOSED, "change")
    assert approve("default", again.id, Audience.INTERNAL, lab.parts).proposal.document == upload.name


def test_a_decision_is_taken_once_and_for_one_s_own_tenant(lab: Lab) -> None:
    lab.keep(*GIFT_CARDS)
    (proposal,) = lab.propose()
    with pytest.raises(NotFound):
        approve("somebody-else", proposal.id, Audience.PUBLIC, lab.parts)
    reject("default", proposal.id, "no", lab.parts)
    with pytest.raises(InputError, match="rejected already"):
        approve("default", proposal.id, Audience.PUBLIC, lab.parts)
    assert lab.parts.jobs.due() == []


def test_without_an_answer_a_person_must_write_the_article(lab: Lab) -> None:
    lab.keep(*(Written(ticket.asked) for ticket in OFFICES))
    (proposal,) = lab.propose()
    with pytest.raises(InputError, match="has no text"):
        approve("default", proposal.id, Audience.PUBLIC, lab.parts)
    done = approve("default", proposal.id, Audience.PUBLIC, lab.parts, text="We rent the Duo to **offices**.")
    text = lab.uploads.get(done.job.subject).data.decode()
    assert text.endswith("\n\nWe rent the Duo to **offices**.\n")
    assert text.startswith("# ")


def test_a_short_message_is_gathered_whole_and_shown_without_what_is_masked(lab: Lab) -> None:
    lab.keep(
        Written("Hi,\nmy mill is jammed by a stone. What can I do? Write to tom@example.org.\nThanks, Tom Berg"),
        Written("There is a stone in my mill, it is jammed. How do I fix this?"),
        Written("The app does not open. What can I do? Call +44 113 496 0123."),
        Written("Our app won't open any more. How do I fix this?"),
    )
    gaps = [found.gap for found in find_gaps("default", lab.parts).found]
    assert [gap.tickets for gap in gaps] == [2, 2]
    wordings = [text for gap in gaps for text in (gap.question, *gap.questions)]
    assert "my mill is jammed by a stone. What can I do?" in wordings
    assert not any("[" in text or "Berg" in text for text in wordings)


def test_no_tickets_are_no_gaps(lab: Lab) -> None:
    assert find_gaps("default", lab.parts).found == ()
