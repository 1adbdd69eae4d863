"""What the knowledge base lacks: handed-off tickets gathered by meaning, and articles proposed from their answers."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

import numpy as np

from assistant.kernel.knowledge import Audience, Evidence, Scope
from assistant.kernel.learning import LACKING, Article, ArticleProposal, Case, Gap, NearestArticle, ProposalState
from assistant.learning.parts import Learning, by_ticket
from assistant.ports import Embedder, Vectors
from assistant.stages.gather import Group, describe, gather
from assistant.stages.propose import propose
from assistant.stages.retrieve import Said, embed_query, search
from assistant.text.language import identify_language

MAX_RUNS = 2_000
"""The newest so many handoffs are looked at: their distances are a matrix of 32 MB, embedding them takes seconds."""
MIN_TICKETS = 2
"""Fewest tickets of a gap that is proposed: what one customer wrote is shown to the operator, and goes no further."""
GROWTH = 2.0
"""A gap that was decided on is proposed again when it has so many times the tickets it had then."""
SAME_SHARE = 0.5
"""Share of the smaller gap's runs that two gaps have in common, from which they are one."""
SAME_SIMILARITY = 0.7
"""Cosine of two typical questions from which gaps without common runs are one, as those of two periods."""


class Found(NamedTuple):
    """A gap with the article that could fill it, and the proposal that is there for it, if any."""

    gap: Gap
    article: Article
    proposal: ArticleProposal | None


class Findings(NamedTuple):
    """The gaps found, largest first. ``tickets`` were looked at; ``more`` says that older ones were not."""

    found: tuple[Found, ...]
    tickets: int
    more: bool


def find_gaps(tenant: str, parts: Learning, *, since: datetime | None = None, min_count: int = MIN_TICKETS) -> Findings:
    """Gaps of at least ``min_count`` tickets. Changes nothing."""
    newest = parts.lessons.handed_off(tenant, LACKING, since=since)
    lessons = list(itertools.islice(newest, MAX_RUNS + 1))
    cases = by_ticket(lessons[:MAX_RUNS])
    if not cases:
        return Findings((), 0, more=False)
    vectors = _vectors(cases, parts.embedder)
    groups = [group for group in gather(vectors) if len(group.members) >= min_count]
    described = [_described(group, cases, tenant, parts) for group in groups]
    found = tuple(Found(gap, article, None) for gap, article in described)
    return _matched(Findings(found, len(cases), more=len(lessons) > MAX_RUNS), tenant, parts)


def propose_articles(tenant: str, findings: Findings, parts: Learning) -> Findings:
    """Keep a proposal for each gap of MIN_TICKETS tickets or more; the same gap updates the one it has.

    What was approved or rejected stays so until the gap has GROWTH times the tickets it had then.
    """
    with parts.proposals.alone():
        current = _matched(findings, tenant, parts)
        return current._replace(found=tuple(_kept(tenant, found, parts) for found in current.found))


def _vectors(cases: Sequence[Case], embedder: Embedder) -> Vectors:
    """A unit vector a case; short questions are embedded together, long ones in windows."""
    questions = [case.question for case in cases]
    long = [tokens > embedder.identity.max_tokens for tokens in embedder.count_tokens(questions)]
    short = iter(embedder.embed([text for text, is_long in zip(questions, long, strict=True) if not is_long]))
    rows = [
        embed_query(text, embedder) if is_long else next(short) for text, is_long in zip(questions, long, strict=True)
    ]
    return np.stack(rows)


def _described(group: Group, cases: Sequence[Case], tenant: str, parts: Learning) -> tuple[Gap, Article]:
    """A group with its nearest document and its article; the words of near documents are nobody's own."""
    evidence = _near(cases[group.members[0]].question, tenant, parts)
    known = [f"{passage.chunk.heading_line()}\n{passage.chunk.text}" for passage in evidence.passages]
    gap = describe(group, cases, known).model_copy(update={"nearest": _nearest(evidence, parts)})
    return gap, propose(gap, [cases[place] for place in sorted(group.members)], known)


def _near(question: str, tenant: str, parts: Learning) -> Evidence:
    snapshot = parts.index.snapshot(tenant)
    if snapshot is None:
        return Evidence(passages=(), generation=0, top_similarity=0.0)
    scope = Scope(tenant=tenant, audiences=frozenset(Audience))
    return search(
        [Said(question)], identify_language(question, "en"), scope, snapshot, parts.embedder, parts.policy.retrieval
    )


def _nearest(evidence: Evidence, parts: Learning) -> NearestArticle | None:
    """The document of the most similar passage, if it is as close as evidence must be."""
    best = max(evidence.passages, key=lambda passage: passage.similarity, default=None)
    if best is None or best.similarity < parts.policy.route.min_similarity:
        return None
    chunk = best.chunk
    return NearestArticle(
        document=chunk.document_key, title=chunk.title, url=chunk.url, audience=chunk.audience,
        similarity=round(best.similarity, 3),
    )  # fmt: skip


def _matched(findings: Findings, tenant: str, parts: Learning) -> Findings:
    """The proposal of each gap, each at most once: by common runs, else by equal meaning; the best match first."""
    gaps = [found.gap for found in findings.found]
    matched: dict[int, ArticleProposal] = {}
    taken: set[str] = set()
    likenesses = _likenesses(gaps, parts.proposals.find(tenant), parts.embedder)
    for _, place, proposal in sorted(likenesses, key=lambda m: (-m[0], m[1], m[2].id)):
        if place not in matched and proposal.id not in taken:
            matched[place] = proposal
            taken.add(proposal.id)
    found = (item._replace(proposal=matched.get(place)) for place, item in enumerate(findings.found))
    return findings._replace(found=tuple(found))


def _likenesses(
    gaps: Sequence[Gap], proposals: Sequence[ArticleProposal], embedder: Embedder
) -> Iterator[tuple[float, int, ArticleProposal]]:
    """How alike gap and proposal are, where alike enough: 1 to 2 by common runs, less by meaning."""
    if not gaps or not proposals:
        return
    theirs = embedder.embed([proposal.gap.question for proposal in proposals])
    mine = embedder.embed([gap.question for gap in gaps])
    for place, gap in enumerate(gaps):
        runs = set(gap.run_ids)
        for number, proposal in enumerate(proposals):
            common = len(runs & set(proposal.gap.run_ids)) / min(len(runs), len(proposal.gap.run_ids))
            similarity = float(mine[place] @ theirs[number])
            if common >= SAME_SHARE:
                yield 1.0 + common, place, proposal
            elif similarity >= SAME_SIMILARITY and gap.language == proposal.gap.language:
                yield similarity, place, proposal


def _kept(tenant: str, found: Found, parts: Learning) -> Found:
    gap, article, before = found
    now = parts.clock.now().isoformat()
    if before is None:
        if gap.tickets < MIN_TICKETS:
            return found
        new = ArticleProposal(
            id=uuid4().hex[:12], tenant=tenant, state=ProposalState.PROPOSED, gap=gap, article=article,
            created_at=now, updated_at=now,
        )  # fmt: skip
        return found._replace(proposal=parts.proposals.add(new))
    if before.state is not ProposalState.PROPOSED:
        if gap.tickets < GROWTH * before.decided_tickets:
            return found
        article = article.model_copy(update={"notes": (_grown(before, gap), *article.notes)})
    after = before.model_copy(
        update={"state": ProposalState.PROPOSED, "gap": gap, "article": article, "updated_at": now}
    )
    return found._replace(proposal=parts.proposals.update(after, seen=before.state))


def _grown(before: ArticleProposal, gap: Gap) -> str:
    said = f": {before.why}" if before.why else ""
    return f"It was {before.state} at {before.decided_tickets} tickets{said}. Now there are {gap.tickets}."
