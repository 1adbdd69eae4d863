"""Verdict → Step: the draft stands, the next model tries, or a human takes over. Pure; delivering acts."""

from collections.abc import Sequence

from assistant.kernel.conversation import Answer, Assurance, Step, Tier, ToHuman, TryTier, Verdict
from assistant.kernel.policy import DecidePolicy
from assistant.kernel.reasons import Reason

_UNCHECKED = (Reason.UNCHECKED_LANGUAGE, Reason.UNCHECKED_QUESTION)
_NO_MODEL_MENDS = (*_UNCHECKED, Reason.OUTDATED_EVIDENCE)


def decide(
    verdict: Verdict, tier: Tier, tiers: Sequence[Tier], policy: DecidePolicy, assurance: Assurance | None = None
) -> Step:
    """Accept the draft, or go up: to the next of ``tiers`` after ``tier``, and after the last to a human.

    A draft that another language kept from being checked, that rests on what is outdated, or that stands and is not sure enough by
    ``assurance`` (None: nothing is calibrated), goes to a human who sees it.
    """
    held_back = tuple(dict.fromkeys(f.reason for f in verdict.findings if f.reason in _NO_MODEL_MENDS))
    against = _objections(verdict, policy, [reason for reason in held_back if reason in _UNCHECKED])
    if not against and held_back:
        return ToHuman(reasons=held_back, draft=verdict.draft)
    if not against and (assurance is None or assurance.enough):
        return Answer(draft=verdict.draft, reasons=(Reason.SUPPORTED,))
    stands = verdict.draft if not against else None
    reasons = against or (_unsure(assurance),)
    later = tiers[tiers.index(tier) + 1 :]
    return TryTier(tier=later[0], reasons=reasons) if later else ToHuman(reasons=reasons, draft=stands)


def _unsure(assurance: Assurance | None) -> Reason:
    known = assurance is not None and assurance.probability is not None and assurance.least is not None
    return Reason.LOW_CONFIDENCE if known else Reason.NOT_CALIBRATED


def _objections(verdict: Verdict, policy: DecidePolicy, unchecked: Sequence[Reason]) -> tuple[Reason, ...]:
    """Why this draft may not be shown as an answer, most telling first; empty when it may.

    Measures that another language takes the meaning from are left out; such a draft is never an Answer.
    """
    kept = len(verdict.draft.sentences)
    against: list[Reason] = []
    whole = {Reason.NO_ANSWER_IN_DRAFT, Reason.WRONG_LANGUAGE, Reason.CUT_SHORT}
    against += [finding.reason for finding in verdict.findings if finding.reason in whole]
    if not kept or verdict.dropped / (kept + verdict.dropped) > policy.max_dropped_share:
        against += [finding.reason for finding in verdict.findings if finding.reason not in _NO_MODEL_MENDS]
    measured = Reason.UNCHECKED_LANGUAGE not in unchecked
    if not kept or (measured and verdict.support < policy.min_mean_support):
        against.append(Reason.WEAK_EVIDENCE)
    if kept and not unchecked and verdict.question_coverage < policy.min_question_coverage:
        against.append(Reason.OFF_QUESTION)
    return tuple(dict.fromkeys(against))
