"""Verification against human ratings of faithfulness: better than chance by as much as was measured when it was built."""

import json
from pathlib import Path

import pytest

from assistant.evaluation.fitting import examples, fit_grounding
from assistant.evaluation.metrics import auroc
from assistant.evaluation.rated import read_rated
from assistant.evaluation.regression import halves
from assistant.kernel.conversation import RawDraft, Ticket, Tier, Verdict
from assistant.kernel.generation import Completion, ModelCard, Sampling
from assistant.kernel.knowledge import Audience, Chunk, Evidence, Passage
from assistant.policies import load_policy
from assistant.stages.redact import redact
from assistant.stages.verify import verify
from assistant.text.claims import judge

pytestmark = pytest.mark.shared_data
POLICY = load_policy("default-10")[0].verify


def verdict_on(row: dict[str, object]) -> Verdict:
    contexts = row["contexts"]
    assert isinstance(contexts, list)
    chunks = [
        Chunk(
            id=str(number), document_key=f"doc:{number}", title="", url="", audience=Audience.PUBLIC, ordinal=0,
            heading_path=(), text=text, tokens=1,
        )
        for number, text in enumerate(contexts)
    ]  # fmt: skip
    passages = tuple(Passage(chunk=chunk, similarity=0.5, lexical=1.0, fused=0.03) for chunk in chunks)
    raw = RawDraft(
        tier=Tier.SMALL, model=ModelCard(name="m", sha256="", context_length=1), messages=(), sampling=Sampling(),
        passages_used=tuple(chunk.id for chunk in chunks),
        completion=Completion(text=str(row["response"]), finish="stop", prompt_tokens=1, completion_tokens=1),
    )  # fmt: skip
    evidence = Evidence(passages=passages, generation=1, top_similarity=0.5)
    return verify(redact(Ticket.from_text(str(row["question"])), "en"), raw, evidence, POLICY)


def test_drafts_people_call_faithful_keep_more_of_their_sentences(shared_data: Path) -> None:
    lines = (shared_data / "mtrag" / "groundedness_dev.jsonl").read_text().splitlines()
    rows = [row for row in map(json.loads, lines) if row["contexts"] and row["faithfulness_median"] is not None]
    kept, scores, labels = [], [], []
    for row in rows:
        verdict = verdict_on(row)
        total = len(verdict.draft.sentences) + verdict.dropped
        kept.append(len(verdict.draft.sentences) / total if total else 0.0)
        scores.append(verdict.faithfulness or 0.0)
        labels.append(row["faithfulness_median"] >= 3)
    assert len(rows) > 200
    assert auroc(kept, labels).value >= 0.83
    assert auroc(scores, labels).value >= 0.94


def test_claims_that_were_changed_are_told_by_fits_that_never_saw_their_conversation(shared_data: Path) -> None:
    rows = read_rated(shared_data / "mtrag" / "groundedness_dev.jsonl")
    found = examples(rows, "en", seed=0)
    one, other = halves((draft.row.conversation for draft in found.drafts), seed=0)
    fit = fit_grounding(found, one)
    held_out = [claim for claim in found.claims if claim.row.conversation in other]
    risks = [-judge(claim.differences, fit).risk for claim in held_out]
    assert auroc(risks, [claim.edit is None for claim in held_out]).value >= 0.87
