"""Does the check of a draft tell what is faithful to its passages? Against human ratings, and against small edits that contradict."""

import json
import random
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, ValidationError

from assistant.evaluation.contradictions import LEAST_WORDS, contradict
from assistant.evaluation.metrics import Interval, auroc
from assistant.kernel.conversation import Message, RawDraft, Ticket, Tier, Verdict
from assistant.kernel.errors import InputError
from assistant.kernel.generation import Completion, ModelCard, Sampling
from assistant.kernel.knowledge import Audience, Chunk, Evidence, Passage
from assistant.kernel.policy import VerifyPolicy
from assistant.kernel.value import Value
from assistant.stages.redact import redact
from assistant.stages.verify import verify
from assistant.text.alignment import share
from assistant.text.sentences import split_sentences
from assistant.text.words import content_stems

FAITHFUL = 3.0
"""A median rating, of 4, from which people call an answer faithful; contradictions are made of those with the best one."""
BEST = 4.0


class RatedAnswer(Value):
    """An answer with the passages it was written from, and the median of people's ratings (1 to 4)."""

    id: str
    question: str
    history: tuple[dict[str, str], ...] = ()
    contexts: tuple[str, ...]
    response: str
    domain: str = ""
    faithfulness_median: float = Field(ge=1.0, le=4.0)


class Measured(Value):
    """How well a measure tells faithful answers from others: the area under the ROC curve, with its 95 % interval."""

    measure: str
    auroc: Interval


class CaughtEdits(Value):
    """Sentences with one edit of this kind against the sentences that nobody edited."""

    kind: str
    sentences: int
    auroc: Interval
    fell: float


class GroundingReport(Value):
    """``fell`` are shares of sentences that the check let fall; of those nobody edited that is what it costs."""

    answers: int
    faithful: int
    human: tuple[Measured, ...]
    domains: dict[str, Interval]
    contradictions: CaughtEdits
    kinds: tuple[CaughtEdits, ...]
    unedited: int
    unedited_fell: float
    seed: int


def read_rated(path: Path) -> list[RatedAnswer]:
    """Lines of ``{id, question, history, contexts, response, faithfulness_median}``, as mtRAG's ratings have them.

    Answers without passages are left out: nothing can be found in them. Raises InputError with the line that is wrong.
    """
    rows: list[RatedAnswer] = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read", fix="Check the path; the file must be UTF-8.", field="rows"
        ) from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if row["contexts"]:
                rows.append(
                    RatedAnswer.model_validate({name: row[name] for name in RatedAnswer.model_fields if name in row})
                )
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            raise InputError(
                f"{path}:{number} is not a rated answer ({type(error).__name__})",
                fix='Write lines like {"id": "1", "question": "…", "contexts": ["…"], "response": "…", "faithfulness_median": 4}.',
                field="rows",
            ) from error
    return rows


def evaluate_grounding(
    rows: Sequence[RatedAnswer], policy: VerifyPolicy, language: str, seed: int = 0
) -> GroundingReport:
    """Check every answer, and every sentence of the best ones with and without edits. Raises InputError when all have one label."""
    faithful = [row.faithfulness_median >= FAITHFUL for row in rows]
    if len(set(faithful)) < 2:
        raise InputError(
            "the answers are all faithful, or none is",
            fix="Add rows of the other kind: nothing can be told apart.",
            field="rows",
        )
    grounds = [_Ground(row, language, policy) for row in rows]
    verdicts = [ground.verdict(row.response) for ground, row in zip(grounds, rows, strict=True)]
    measures = {
        "support of what stands, nothing for what fell": [_standing(verdict) for verdict in verdicts],
        "support of what stands": [verdict.support for verdict in verdicts],
        "weakest sentence that stands": [verdict.weakest for verdict in verdicts],
        "overlap of words": [ground.overlap(row.response) for ground, row in zip(grounds, rows, strict=True)],
    }
    by_domain: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        by_domain.setdefault(row.domain, []).append(place)
    standing = next(iter(measures.values()))
    whole, edited = _edited(rows, grounds, seed)
    return GroundingReport(
        answers=len(rows),
        faithful=sum(faithful),
        human=tuple(Measured(measure=name, auroc=auroc(scores, faithful)) for name, scores in measures.items()),
        domains={
            domain: auroc([standing[at] for at in places], [faithful[at] for at in places])
            for domain, places in sorted(by_domain.items())
            if len({faithful[at] for at in places}) == 2
        },
        contradictions=_caught("all", [score for scores in edited.values() for score in scores], whole),
        kinds=tuple(_caught(kind, scores, whole) for kind, scores in edited.items()),
        unedited=len(whole),
        unedited_fell=_fell(whole),
        seed=seed,
    )


class _Ground:
    """An answer's question and passages, as the check wants them."""

    def __init__(self, row: RatedAnswer, language: str, policy: VerifyPolicy) -> None:
        said = [
            Message(author="customer" if turn.get("role") == "user" else "agent", text=turn.get("text", ""))
            for turn in row.history
        ]
        ticket = Ticket(messages=(*said, Message(author="customer", text=row.question)))
        self._question, self._policy = redact(ticket, language), policy
        chunks = [
            Chunk(
                id=str(number), document_key=str(number), title="", url="", audience=Audience.PUBLIC, ordinal=0,
                heading_path=(), text=text, tokens=0, language=self._question.language,
            )
            for number, text in enumerate(row.contexts)
        ]  # fmt: skip
        self._passages = tuple(Passage(chunk=chunk, similarity=0.0, lexical=0.0, fused=0.0) for chunk in chunks)
        self._stems = frozenset(content_stems("\n".join(row.contexts), self._question.language))

    def verdict(self, text: str) -> Verdict:
        """What the check says of ``text``, as if a model had written it from these passages."""
        raw = RawDraft(
            tier=Tier.SMALL, model=ModelCard(name="", sha256="", context_length=0), messages=(), sampling=Sampling(),
            passages_used=tuple(passage.chunk.id for passage in self._passages),
            completion=Completion(text=text, finish="stop", prompt_tokens=0, completion_tokens=0),
        )  # fmt: skip
        evidence = Evidence(passages=self._passages, generation=0, top_similarity=0.0)
        return verify(self._question, raw, evidence, self._policy)

    def overlap(self, text: str) -> float:
        return share(content_stems(text, self._question.language), self._stems)


def _standing(verdict: Verdict) -> float:
    """Mean support of the sentences, those that fell with none."""
    sentences = verdict.draft.sentences
    return sum(sentence.support for sentence in sentences) / (len(sentences) + verdict.dropped) if sentences else 0.0


def _edited(
    rows: Sequence[RatedAnswer], grounds: Sequence[_Ground], seed: int
) -> tuple[list[float], dict[str, list[float]]]:
    """What the best answers' sentences score as they are, and by kind of edit what they score with one."""
    rng = random.Random(seed)
    whole: list[float] = []
    edited: dict[str, list[float]] = {}
    for row, ground in zip(rows, grounds, strict=True):
        if row.faithfulness_median < BEST:
            continue
        sentences = [span.text for span in split_sentences(row.response)]
        whole += [_standing(ground.verdict(text)) for text in sentences if len(text.split()) >= LEAST_WORDS]
        for edit in contradict(row.response, row.contexts, rng):
            edited.setdefault(edit.kind, []).append(_standing(ground.verdict(edit.after)))
    return whole, dict(sorted(edited.items()))


def _caught(kind: str, edited: Sequence[float], whole: Sequence[float]) -> CaughtEdits:
    labels = [True] * len(whole) + [False] * len(edited)
    return CaughtEdits(kind=kind, sentences=len(edited), auroc=auroc([*whole, *edited], labels), fell=_fell(edited))


def _fell(scores: Sequence[float]) -> float:
    return round(sum(score == 0.0 for score in scores) / len(scores), 3) if scores else 0.0
