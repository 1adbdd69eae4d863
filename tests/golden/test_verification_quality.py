"""Verification against human ratings of faithfulness: better than chance by as much as was measured when it was built."""

import json
from pathlib import Path

import numpy as np
import pytest

from assistant.kernel.conversation import RawDraft, Ticket, Tier, Verdict
from assistant.kernel.generation import Completion, ModelCard, Sampling
from assistant.kernel.knowledge import Audience, Chunk, Evidence, Passage
from assistant.policies import load_policy
from assistant.stages.redact import redact
from assistant.stages.verify import verify

pytestmark = pytest.mark.shared_data
POLICY = load_policy("default-7")[0].verify


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
    kept, labels = [], []
    for row in rows:
        verdict = verdict_on(row)
        total = len(verdict.draft.sentences) + verdict.dropped
        kept.append(len(verdict.draft.sentences) / total if total else 0.0)
        labels.append(row["faithfulness_median"] >= 4)
    good, bad = np.array(kept)[np.array(labels)], np.array(kept)[~np.array(labels)]
    auroc = np.mean((good[:, None] > bad[None]) + 0.5 * (good[:, None] == bad[None]))
    assert len(rows) > 200
    assert auroc >= 0.75
