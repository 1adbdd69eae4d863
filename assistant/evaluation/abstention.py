"""Can it be told before anything is written that a question has no answer in the documents, or is too vague to have one?"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from assistant.evaluation.formats import Query
from assistant.evaluation.metrics import Interval, auroc, percentile
from assistant.evaluation.regression import as_toml, fit_logistic, halves
from assistant.kernel.errors import InputError
from assistant.kernel.fits import Logistic
from assistant.kernel.knowledge import Scope
from assistant.kernel.value import Value
from assistant.pipeline import Desk
from assistant.stages.redact import redact
from assistant.stages.retrieve import retrieve
from assistant.text.answerability import answerability

STRENGTH = 0.1
"""Inverse strength of the L2 penalty on standardised features; from .01 to .1 nothing changes (mtRAG dev, 2026-11-23)."""
KEPT = 0.95
"""Of answerable questions, when it is asked how many of the others would be stopped."""


class ToldApart(Value):
    """Answerable questions against those with ``label``. ``stopped`` is the share of these that would be stopped when
    95 % of the answerable go on; ``similarity`` is the AUROC of the best passage's cosine alone.
    """

    label: str
    questions: int
    auroc: Interval
    similarity: Interval
    stopped: float


class AbstentionReport(Value):
    """``fitted_on`` says what the measured fit had seen. ``segments`` are by place in the conversation, and the first label."""

    questions: int
    answerable: int
    told: tuple[ToldApart, ...]
    segments: dict[str, Interval]
    fitted_on: str
    seed: int


class Asked(NamedTuple):
    """A labelled question with what was measured of its evidence."""

    query: Query
    features: dict[str, float]

    @property
    def conversation(self) -> str:
        """Questions of one are alike: mtRAG's ids are ``CONVERSATION<::>TURN``."""
        return self.query.id.split("<::>")[0]


LABELS = ("unanswerable", "underspecified")


def ask_all(queries: Sequence[Query], desk: Desk, scope: Scope) -> list[Asked]:
    """What is found for each question, as features. Raises InputError unless some are answerable and some are not."""
    known = [query for query in queries if query.answerability in ("answerable", *LABELS)]
    if len({query.answerability == "answerable" for query in known}) < 2:
        raise InputError(
            "the questions are all answerable, or none is",
            fix='Give them "answerability": ["ANSWERABLE"], ["UNANSWERABLE"] or ["UNDERSPECIFIED"], some of each.',
            field="queries",
        )
    asked = []
    for query in known:
        question = redact(query.ticket, desk.default_language)
        evidence = retrieve(question, scope, desk.index, desk.embedder, desk.policy.retrieval, desk.reranker)
        asked.append(Asked(query, answerability(question, evidence)))
    return asked


def fit_abstention(asked: Sequence[Asked], conversations: Collection[str] | None = None) -> dict[str, Logistic]:
    """A regression for each label there is, which gives the probability that a question has it and is not answerable."""
    mine = [one for one in asked if conversations is None or one.conversation in conversations]
    return {label: _fit(mine, label) for label in LABELS if any(one.query.answerability == label for one in asked)}


def evaluate_abstention(asked: Sequence[Asked], seed: int = 0) -> AbstentionReport:
    """Each question by a fit to the other half of the conversations."""
    one, other = halves((each.conversation for each in asked), seed)
    by_conversation = dict.fromkeys(one, fit_abstention(asked, other))
    by_conversation |= dict.fromkeys(other, fit_abstention(asked, one))
    labels = [label for label in LABELS if any(each.query.answerability == label for each in asked)]
    placed = {
        "first message": [each for each in asked if each.features["turns"] == 1],
        "follow-up": [each for each in asked if each.features["turns"] > 1],
    }
    return AbstentionReport(
        questions=len(asked),
        answerable=sum(each.query.answerability == "answerable" for each in asked),
        told=tuple(_told_apart(label, asked, by_conversation) for label in labels),
        segments={
            name: _told_apart(labels[0], group, by_conversation).auroc
            for name, group in placed.items()
            if {"answerable", labels[0]} <= {each.query.answerability for each in group}
        },
        fitted_on="the other half",
        seed=seed,
    )


def fitted_abstention(asked: Sequence[Asked]) -> str:
    """The fits to all of ``asked``, as a TOML file."""
    about = f"Fitted to {len(asked)} labelled questions.\ndeskhand evaluate abstention --corpus … --queries … --fit …"
    return as_toml(about, fit_abstention(asked))


def _told_apart(label: str, asked: Sequence[Asked], fits: Mapping[str, Mapping[str, Logistic]]) -> ToldApart:
    some = [each for each in asked if each.query.answerability in ("answerable", label)]
    answerable = [each.query.answerability == "answerable" for each in some]
    risks = [fits[each.conversation][label].probability(each.features) for each in some]
    accepted = percentile([risk for risk, good in zip(risks, answerable, strict=True) if good], KEPT)
    bad = [risk for risk, good in zip(risks, answerable, strict=True) if not good]
    return ToldApart(
        label=label,
        questions=len(bad),
        auroc=auroc([-risk for risk in risks], answerable),
        similarity=auroc([each.features["similarity"] for each in some], answerable),
        stopped=round(sum(risk > accepted for risk in bad) / len(bad), 3),
    )


def _fit(asked: Sequence[Asked], label: str) -> Logistic:
    some = [each for each in asked if each.query.answerability in ("answerable", label)]
    labels = [each.query.answerability == label for each in some]
    return fit_logistic([each.features for each in some], labels, STRENGTH, f"{label} questions", balanced=True)
