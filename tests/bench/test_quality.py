"""The gate for the quality of faster drafting, worked out by hand: its measures, its evidence and its ledger."""

from pathlib import Path

import pytest

from assistant.evaluation.formats import Query
from assistant.kernel.conversation import Citation, Draft, RawDraft, Sentence, Ticket, Tier, Verdict
from assistant.kernel.errors import InputError
from assistant.kernel.generation import Completion, ModelCard, Sampling
from assistant.kernel.knowledge import Audience, Chunk, Passage
from tests.bench.quality.cases import drawn, with_gold
from tests.bench.quality.ledger import Key, Ledger
from tests.bench.quality.measures import METRICS, compare, measure


def passage(document: str, part: int) -> Passage:
    chunk = Chunk(
        id=f"{document}-{part}", document_key=f"file:///corpus.jsonl#{document}", title=document, url="",
        audience=Audience.PUBLIC, ordinal=part, heading_path=(), text=f"{document}, part {part}.", tokens=5,
    )  # fmt: skip
    return Passage(chunk=chunk, similarity=0.5, lexical=1.0, fused=0.03)


RANKED = [passage("duo", 0), passage("mill", 0), passage("one", 0), passage("returns", 0), passage("returns", 1)]


def ids(passages: tuple[Passage, ...]) -> list[str]:
    return [p.chunk.id for p in passages]


def test_a_gold_passage_that_was_found_late_takes_the_place_of_the_weakest() -> None:
    assert ids(with_gold(RANKED, frozenset({"returns"}), 3)) == ["duo-0", "mill-0", "returns-0"]
    assert ids(with_gold(RANKED, frozenset({"mill"}), 3)) == ["duo-0", "mill-0", "one-0"]
    assert ids(with_gold(RANKED, frozenset({"never found"}), 2)) == ["duo-0", "mill-0"]
    assert ids(with_gold(RANKED, frozenset({"mill", "one", "returns"}), 2)) == ["mill-0", "one-0"]


def test_fewer_questions_are_the_first_of_the_same_questions() -> None:
    queries = [
        Query(id=str(n), ticket=Ticket.from_text("Why?"), answerability="answerable", reference="Because.")
        for n in range(30)
    ]
    unfit = [queries[0].model_copy(update={"id": "x", "answerability": "unanswerable"}),
             queries[0].model_copy(update={"id": "y", "reference": ""}), queries[0].model_copy(update={"id": "z"})]  # fmt: skip
    judged = {query.id: {"duo": 1.0} for query in (*queries, *unfit[:2])}
    many = drawn([*queries, *unfit], judged, 20)
    assert len(many) == 20
    assert not {query.id for query in many} & {"x", "y", "z"}
    assert drawn([*queries, *unfit], judged, 5) == many[:5]


def sentence(text: str, passage_id: str) -> Sentence:
    citation = Citation(
        n=1, passage_id=passage_id, document="d", title="", quote=text, start=0, end=len(text), url="",
        audience=Audience.PUBLIC,
    )  # fmt: skip
    return Sentence(text=text, citations=(citation,), support=0.9)


def drafted(text: str, *sentences: Sentence, support: float = 0.9) -> tuple[RawDraft, Verdict]:
    raw = RawDraft(
        tier=Tier.SMALL, model=ModelCard(name="m", sha256="", context_length=1), messages=(), sampling=Sampling(),
        passages_used=("duo-0", "mill-0"),
        completion=Completion(text=text, finish="stop", prompt_tokens=1, completion_tokens=1),
    )  # fmt: skip
    draft = Draft(tier=Tier.SMALL, text=text, sentences=sentences)
    return raw, Verdict(draft=draft, findings=(), support=support, weakest=0.0, question_coverage=1.0, dropped=0)


def test_citations_count_by_sentence_where_they_name_a_gold_passage() -> None:
    raw, verdict = drafted(
        "Hold Clean [1]. Rinse twice. [2] Wait [2], [1]. It is done [7].",
        sentence("Hold Clean.", "duo-0"), sentence("Rinse twice.", "mill-0"),
    )  # fmt: skip
    figures = measure(raw, verdict, frozenset({"duo-0"}), "Hold Clean and wait.")
    assert set(figures) == set(METRICS)
    assert figures["citations_gold"] == 1 / 2
    assert figures["marks_gold"] == 2 / 4
    assert figures["support"] == 0.9
    assert figures["agreement"] == 1.0


def test_a_draft_that_cites_nothing_or_says_nothing_scores_zero() -> None:
    bare, empty = drafted("Hold Clean.", support=0.0), drafted("", support=0.0)
    gold = frozenset({"duo-0"})
    assert measure(*bare, gold, "Hold Clean.")["marks_gold"] == 0.0
    assert set(measure(*empty, gold, "Hold Clean.").values()) == {0.0}


def test_a_variant_passes_when_its_mean_loses_no_more_than_a_point() -> None:
    even = dict.fromkeys(METRICS, 0.50)
    base = [even] * 40
    slightly = [{**even, "support": 0.495}] * 40
    row = next(row for row in compare("prompt3", base, slightly) if row.metric == "support")
    assert (row.mean, row.difference, row.low, row.high) == (49.5, -0.5, -0.5, -0.5)
    assert (row.passes, row.loss_excluded) == (True, True)
    unsure = [{**even, "support": 0.0 if n % 2 else 1.0} for n in range(40)]
    row = next(row for row in compare("prompt3", base, unsure) if row.metric == "support")
    assert (row.difference, row.passes, row.loss_excluded) == (0.0, True, False)
    worse = [{**even, "support": 0.48}] * 40
    row = next(row for row in compare("prompt3", base, worse) if row.metric == "support")
    assert (row.difference, row.passes, row.loss_excluded) == (-2.0, False, False)


def test_a_run_that_was_cut_off_knows_what_it_had(tmp_path: Path) -> None:
    path = tmp_path / "quality" / "small.jsonl"
    key, other = Key("base", "q1", "made with this"), Key("base", "q1", "made with that")
    Ledger(path).add(key, {"support": 0.5, "text": "Hold Clean\u2028 – [1]."})
    with path.open("a", encoding="utf-8") as lines:
        lines.write('{"variant": "base", "question": "q2", "made')
    ledger = Ledger(path)
    assert ledger.get(key) == {"support": 0.5, "text": "Hold Clean\u2028 – [1]."}
    assert ledger.get(other) is None
    ledger.add(other, {"support": 0.75})
    assert Ledger(path).get(other) == {"support": 0.75}


def test_a_line_that_is_no_draft_is_named(tmp_path: Path) -> None:
    path = tmp_path / "small.jsonl"
    path.write_text('{"variant": "base"}\n')
    with pytest.raises(InputError, match=r"small\.jsonl:1"):
        Ledger(path)
