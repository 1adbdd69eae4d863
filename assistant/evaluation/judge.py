"""Would people accept this draft? Judged by the answer that a person wrote, and by how faithful it is to its passages.

A draft is called acceptable when it is faithful enough and its words are enough like those of the reference. Both limits are fitted: the
first to people's ratings, the second to what tells answers that people accept from good answers to other questions. How often people
disagree with the judge is measured on answers of other conversations and goes into every claim that rests on it.
"""

import random
import tomllib
from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple

from assistant.evaluation.calibration import judged
from assistant.evaluation.metrics import Interval, auroc, mean, token_f1
from assistant.evaluation.rated import RatedAnswer
from assistant.evaluation.regression import fit_logistic, halves
from assistant.kernel.errors import InputError
from assistant.kernel.policy import VerifyPolicy
from assistant.kernel.value import Value

STRENGTH = 0.1
"""Inverse strength of the L2 penalty on the one standardised feature of each limit."""


class Judge(Value):
    """The least that is asked of a draft: of the check's faithfulness, and of the words it shares with the reference (token F1).

    Of ``called`` answers of models that the judge took for acceptable, when it had not seen their conversations, people found ``wrong`` not to be so.
    """

    faithfulness: float
    likeness: float
    called: int
    wrong: int

    def accepts(self, draft: str, reference: str, faithfulness: float) -> bool:
        return faithfulness >= self.faithfulness and token_f1(draft, reference) >= self.likeness

    def misjudged(self, confidence: float) -> float:
        """With ``confidence`` at most this share of the drafts called acceptable is not, when they are like the answers people rated
        (Clopper and Pearson, "The use of confidence or fiducial limits", 1934, one-sided).
        """
        from scipy.stats import beta  # Slow to import, and needed here alone.

        return float(beta.ppf(confidence, self.wrong + 1, self.called - self.wrong))


class JudgeReport(Value):
    """By judges that had not seen the conversations. ``acceptable_kept`` is the share of acceptable answers called so, ``same_conversation``
    and ``elsewhere`` of good answers to another question, of the same conversation and of others. ``auroc`` is of the likeness
    of answers of models against each other's ratings, faithful ones only; ``others`` against answers to another question.
    """

    answers: int
    acceptable: int
    called: int
    wrong: int
    misjudged: float
    acceptable_kept: float
    same_conversation: float
    elsewhere: float
    auroc: Interval
    others: Interval
    confidence: float
    seed: int


class _Seen(NamedTuple):
    """An answer of a model beside a reference; ``other`` says whose question that one answers when it is not its own."""

    conversation: str
    faithfulness: float
    likeness: float
    acceptable: bool
    other: str


def load_judge(name: str = "references-1") -> Judge:
    """The judge that is shipped."""
    text = (files(__package__) / "judges" / f"{name}.toml").read_text("utf-8")
    return Judge.model_validate(tomllib.loads(text))


def evaluate_judge(
    rows: Sequence[RatedAnswer], policy: VerifyPolicy, language: str, confidence: float = 0.9, seed: int = 0
) -> tuple[JudgeReport, Judge]:
    """Each half by a judge fitted to the other; and the judge fitted to all, with the halves' misjudgements.

    Raises InputError unless there are answers with a reference of both kinds in both halves.
    """
    seen = _seen(rows, policy, language, seed)
    one, other = halves((each.conversation for each in seen), seed)
    limits = dict.fromkeys(one, _limits([each for each in seen if each.conversation in other]))
    limits |= dict.fromkeys(other, _limits([each for each in seen if each.conversation in one]))
    called = {each: _called(each, limits[each.conversation]) for each in seen}
    own = [each for each in seen if not each.other]
    good = [each for each in own if each.acceptable]
    taken = [each for each in own if called[each]]
    faithful = [each for each in own if each.faithfulness >= limits[each.conversation][0]]
    faithfulness, likeness = _limits(seen)
    judge = Judge(
        faithfulness=round(faithfulness, 4),
        likeness=round(likeness, 4),
        called=len(taken),
        wrong=sum(not each.acceptable for each in taken),
    )
    against = [*good, *(each for each in seen if each.other)]
    report = JudgeReport(
        answers=len(own),
        acceptable=len(good),
        called=judge.called,
        wrong=judge.wrong,
        misjudged=round(judge.misjudged(confidence), 4),
        acceptable_kept=round(mean([called[each] for each in good]), 4),
        same_conversation=round(mean([called[each] for each in seen if each.other == "same"]), 4),
        elsewhere=round(mean([called[each] for each in seen if each.other == "elsewhere"]), 4),
        auroc=auroc([each.likeness for each in faithful], [each.acceptable for each in faithful]),
        others=auroc([each.likeness for each in against], [not each.other for each in against]),
        confidence=confidence,
        seed=seed,
    )
    return report, judge


def fitted_judge(judge: Judge, answers: int) -> str:
    """The judge as a TOML file."""
    about = f"# Fitted to {answers} answers of models that people rated.\n# deskhand evaluate judge --rows … --fit …\n"
    return about + "".join(f"{name} = {value}\n" for name, value in judge.model_dump().items())


def _seen(rows: Sequence[RatedAnswer], policy: VerifyPolicy, language: str, seed: int) -> list[_Seen]:
    """Answers of models beside the reference to their own question, and beside those to others, drawn by ``seed``."""
    mine = [row for row in rows if row.reference and row.reference.strip() != row.response.strip()]
    if not mine:
        raise InputError(
            "none of the rated answers has a reference",
            fix='Give them "reference": the answer that a person wrote to the same question.',
            field="rows",
        )
    rng = random.Random(seed)
    faithful = [case.drafts[0].features["faithfulness"] for case in judged(mine, policy, language, seed)]
    seen = []
    for row, faithfulness in zip(mine, faithful, strict=True):
        references = {"": [row]}
        others = [other for other in mine if other.asked != row.asked]
        references["same"] = [other for other in others if other.conversation == row.conversation]
        references["elsewhere"] = [
            other for other in others if other.conversation != row.conversation and other.domain == row.domain
        ]
        for whose, pool in references.items():
            if pool:
                likeness = token_f1(row.response, rng.choice(pool).reference)
                seen.append(_Seen(row.conversation, faithfulness, likeness, row.acceptable and not whose, whose))
    return seen


def _limits(seen: Sequence[_Seen]) -> tuple[float, float]:
    """Faithfulness and likeness from which an answer is as likely acceptable as not, both kinds counting the same."""
    own = [each for each in seen if not each.other]
    faithful = fit_logistic(
        [{"it": each.faithfulness} for each in own], [each.acceptable for each in own], STRENGTH, "ratings", balanced=True
    )  # fmt: skip
    pairs = [each for each in seen if each.acceptable or each.other]
    alike = fit_logistic(
        [{"it": each.likeness} for each in pairs], [not each.other for each in pairs], STRENGTH, "references", balanced=True
    )  # fmt: skip
    return -faithful.intercept / faithful.weights["it"], -alike.intercept / alike.weights["it"]


def _called(each: _Seen, limits: tuple[float, float]) -> bool:
    return each.faithfulness >= limits[0] and each.likeness >= limits[1]
