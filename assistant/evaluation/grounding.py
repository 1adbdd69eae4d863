"""Does the check of a draft tell what is faithful to its passages? Against human ratings, and against small edits that contradict."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from assistant.evaluation.fitting import Examples, examples, fit_grounding
from assistant.evaluation.metrics import Interval, auroc
from assistant.evaluation.rated import RatedAnswer, as_drafted
from assistant.evaluation.regression import halves
from assistant.kernel.conversation import Verdict
from assistant.kernel.errors import InputError
from assistant.kernel.fits import GroundingFit
from assistant.kernel.policy import VerifyPolicy
from assistant.kernel.value import Value
from assistant.stages.verify import verify
from assistant.text.claims import Kind, judge
from assistant.text.words import strip_citations


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
    fitted_on: str
    seed: int


def evaluate_grounding(
    rows: Sequence[RatedAnswer], policy: VerifyPolicy, language: str, seed: int = 0, *, crossed: bool = False
) -> GroundingReport:
    """Check every answer, and every sentence of the best ones with and without edits, by the fit of ``policy``.

    ``crossed``: by a fit made of the other half of the conversations. Raises InputError when all answers have one label.
    """
    faithful = [row.faithful for row in rows]
    if len(set(faithful)) < 2:
        raise InputError(
            "the answers are all faithful, or none is",
            fix="Add rows of the other kind: nothing can be told apart.",
            field="rows",
        )
    found = examples(rows, language, seed)
    fits = _crossed(found, seed) if crossed else defaultdict(lambda: policy.fit)
    drafts = [fits[draft.row.conversation].faithful.probability(draft.features) for draft in found.drafts]
    verdicts = [_verdict(row, row.response, policy, language) for row in rows]
    measures = {
        "the draft as a whole, fitted": drafts,
        "support of what stands, nothing for what fell": [_standing(verdict) for verdict in verdicts],
        "weakest sentence that stands": [verdict.weakest for verdict in verdicts],
        "overlap of words": [draft.features["overlap"] for draft in found.drafts],
    }
    by_domain: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        by_domain.setdefault(row.domain, []).append(place)
    checked = _checked(found, fits, policy, language)
    whole = [one for one in checked if one.edit is None]
    edited = [one for one in checked if one.edit is not None]
    return GroundingReport(
        answers=len(rows),
        faithful=sum(faithful),
        human=tuple(Measured(measure=name, auroc=auroc(scores, faithful)) for name, scores in measures.items()),
        domains={
            domain: auroc([drafts[at] for at in places], [faithful[at] for at in places])
            for domain, places in sorted(by_domain.items())
            if len({faithful[at] for at in places}) == 2
        },
        contradictions=_caught("all", edited, whole),
        kinds=tuple(
            _caught(kind, of_kind, whole) for kind in Kind if (of_kind := [one for one in edited if one.edit is kind])
        ),
        unedited=len(whole),
        unedited_fell=_fell(whole),
        fitted_on="the other half" if crossed else "what the policy says",
        seed=seed,
    )


class _Checked(NamedTuple):
    edit: Kind | None
    risk: float
    fell: bool


def _crossed(found: Examples, seed: int) -> dict[str, GroundingFit]:
    """Conversation → a fit made without it."""
    one, other = halves((draft.row.conversation for draft in found.drafts), seed)
    return dict.fromkeys(one, fit_grounding(found, other)) | dict.fromkeys(other, fit_grounding(found, one))


def _checked(
    found: Examples,
    fits: Mapping[str, GroundingFit],
    policy: VerifyPolicy,
    language: str,
) -> list[_Checked]:
    """The sentences of the best answers, edited or not, judged by the fit of their conversation and the rest of ``policy``."""
    checked = []
    for claim in found.claims:
        fit = fits[claim.row.conversation]
        by_fit = policy.model_copy(update={"fit": fit})
        verdict = _verdict(claim.row, f"{claim.before}\n{claim.text}", by_fit, language)
        said = strip_citations(claim.text)
        stands = any(sentence.text and said.endswith(sentence.text) for sentence in verdict.draft.sentences)
        risk = judge(claim.differences, fit).risk
        checked.append(_Checked(claim.edit, risk, not stands))
    return checked


def _verdict(row: RatedAnswer, text: str, policy: VerifyPolicy, language: str) -> Verdict:
    drafted = as_drafted(row, text, language)
    return verify(drafted.question, drafted.raw, drafted.evidence, policy)


def _standing(verdict: Verdict) -> float:
    """Mean support of the sentences, those that fell with none."""
    sentences = verdict.draft.sentences
    return sum(sentence.support for sentence in sentences) / (len(sentences) + verdict.dropped) if sentences else 0.0


def _caught(kind: str, edited: Sequence[_Checked], whole: Sequence[_Checked]) -> CaughtEdits:
    scores, labels = [-one.risk for one in (*whole, *edited)], [True] * len(whole) + [False] * len(edited)
    return CaughtEdits(kind=kind, sentences=len(edited), auroc=auroc(scores, labels), fell=_fell(edited))


def _fell(some: Sequence[_Checked]) -> float:
    return round(sum(one.fell for one in some) / len(some), 3) if some else 0.0
