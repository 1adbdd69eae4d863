"""The questions every variant answers, each with the evidence that all of them get."""

import hashlib
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from assistant.cli.evaluating import document_id, indexed
from assistant.cli.session import opened
from assistant.evaluation.formats import Query, read_qrels, read_queries
from assistant.kernel.conversation import Question
from assistant.kernel.knowledge import Evidence, Passage
from assistant.kernel.value import Value
from assistant.policies import load_policy
from assistant.stages.redact import redact
from assistant.stages.retrieve import retrieve

SEED = 0
WORK = Path("build/evaluation")


class Case(Value):
    """``gold`` are the ids of the chunks in ``evidence`` that come from documents a person marked as relevant."""

    id: str
    question: Question
    evidence: Evidence
    gold: frozenset[str]
    reference: str


def drawn(queries: Sequence[Query], judged: Mapping[str, Mapping[str, float]], limit: int) -> list[Query]:
    """Answerable questions with a reference and gold passages in an order that never changes, the first ``limit``."""
    fit = [q for q in queries if q.answerability == "answerable" and q.reference and judged.get(q.id)]
    return random.Random(SEED).sample(fit, len(fit))[:limit]


def with_gold(ranked: Sequence[Passage], gold: frozenset[str], limit: int) -> tuple[Passage, ...]:
    """The first ``limit`` passages, in their order, with the best one of each gold document in the weakest's place.

    ``gold`` are document ids. One that is not among ``ranked`` at all stays away.
    """
    best_of: dict[str, Passage] = {}
    for passage in ranked:
        if (document := document_id(passage.chunk.document_key)) in gold:
            best_of.setdefault(document, passage)
    wanted = list(best_of.values())[:limit]
    fill = [passage for passage in ranked if passage not in wanted][: limit - len(wanted)]
    chosen = {passage.chunk.id for passage in (*wanted, *fill)}
    return tuple(passage for passage in ranked if passage.chunk.id in chosen)


def read_cases(folder: Path, limit: int, kept: Path) -> list[Case]:
    """The first ``limit`` cases of the corpus in ``folder``. Evidence once found is kept below ``kept``."""
    judged = read_qrels(folder / "qrels_dev.tsv")
    queries = drawn(read_queries(folder / "queries_dev.jsonl"), judged, limit)
    file = kept / f"cases-{_made_from(folder)[:12]}.jsonl"
    known = {}
    if file.is_file():
        cases = [Case.model_validate_json(line) for line in file.read_text("utf-8").split("\n") if line]
        known = {case.id: case for case in cases}
    if missing := [query for query in queries if query.id not in known]:
        found = _find(missing, judged, folder / "corpus.jsonl")
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as lines:
            lines.writelines(f"{case.model_dump_json()}\n" for case in found)
        known |= {case.id: case for case in found}
    return [known[query.id] for query in queries]


def _find(queries: Sequence[Query], judged: Mapping[str, Mapping[str, float]], corpus: Path) -> list[Case]:
    """What the real retrieval finds, read deep enough to hold the gold passages."""
    cases = []
    with opened(data_dir=WORK) as app:
        scope = indexed([corpus], app)
        policy = app.policy[0]
        deep = policy.retrieval.model_copy(update={"shown": 2 * policy.retrieval.candidates})
        for query in queries:
            question = redact(query.ticket, app.settings.default_language)
            evidence = retrieve(question, scope, app.index, app.embedder, deep)
            gold = frozenset(document for document, gain in judged[query.id].items() if gain > 0)
            passages = with_gold(evidence.passages, gold, policy.generate.passages)
            ids = frozenset(p.chunk.id for p in passages if document_id(p.chunk.document_key) in gold)
            evidence = evidence.model_copy(update={"passages": passages})
            cases.append(Case(id=query.id, question=question, evidence=evidence, gold=ids, reference=query.reference))
    return cases


def _made_from(folder: Path) -> str:
    """A digest of all that decides which evidence is found."""
    digest = hashlib.sha256(load_policy("whole-10")[1].encode())
    for name in ("corpus.jsonl", "qrels_dev.tsv", "queries_dev.jsonl"):
        digest.update(hashlib.sha256((folder / name).read_bytes()).digest())
    return digest.hexdigest()
