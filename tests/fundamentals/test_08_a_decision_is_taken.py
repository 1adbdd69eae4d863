"""Decide: accept, go up to the next model, or hand off. Pure code over a verdict, with versioned thresholds."""

import pytest

from assistant.kernel.conversation import Answer, Draft, Finding, Sentence, Tier, ToHuman, TryTier, Verdict
from assistant.kernel.reasons import Reason, explain
from assistant.policies import load_policy
from assistant.stages.decide import decide

POLICY = load_policy("default-10")[0].decide
BOTH = (Tier.SMALL, Tier.LARGE)


def verdict(kept: int = 2, dropped: int = 0, support: float = 0.95, coverage: float = 0.8, *reasons: Reason) -> Verdict:
    sentences = tuple(Sentence(text=f"Sentence {number}.", citations=(), support=support) for number in range(kept))
    return Verdict(
        draft=Draft(tier=Tier.SMALL, text="…", sentences=sentences),
        findings=tuple(Finding(reason=reason, sentence="s", detail="d") for reason in reasons),
        support=support, weakest=support, question_coverage=coverage, dropped=dropped,
    )  # fmt: skip


def test_a_supported_draft_is_an_answer() -> None:
    step = decide(verdict(), Tier.SMALL, BOTH, POLICY)
    assert isinstance(step, Answer)
    assert step.reasons == (Reason.SUPPORTED,)


def test_a_draft_that_fails_goes_to_the_large_model_with_the_reason() -> None:
    step = decide(verdict(1, 2, 0.9, 0.8, Reason.UNSUPPORTED_NUMBER), Tier.SMALL, BOTH, POLICY)
    assert step == TryTier(tier=Tier.LARGE, reasons=(Reason.UNSUPPORTED_NUMBER,))


def test_after_the_last_model_comes_a_human() -> None:
    failing = verdict(0, 3, 0.0, 0.0, Reason.UNSUPPORTED_CLAIM)
    assert isinstance(decide(failing, Tier.LARGE, BOTH, POLICY), ToHuman)
    assert isinstance(decide(failing, Tier.SMALL, (Tier.SMALL,), POLICY), ToHuman)


def test_one_sentence_of_many_may_fall_and_the_rest_stands() -> None:
    assert isinstance(decide(verdict(3, 1, 0.9, 0.8, Reason.UNSUPPORTED_CLAIM), Tier.SMALL, BOTH, POLICY), Answer)


def test_a_draft_that_cites_nothing_is_never_an_answer() -> None:
    assert not isinstance(decide(verdict(kept=0, support=1.0, coverage=1.0), Tier.LARGE, BOTH, POLICY), Answer)


def test_a_draft_about_something_else_is_not_an_answer() -> None:
    assert decide(verdict(coverage=0.1), Tier.LARGE, BOTH, POLICY) == ToHuman(reasons=(Reason.OFF_QUESTION,))


def test_every_reason_has_words_for_a_person() -> None:
    assert all(text.endswith(".") for text in explain(list(Reason)))


@pytest.mark.parametrize("tier", Tier)
def test_a_draft_that_could_not_be_checked_goes_to_a_human_and_is_never_an_answer(tier: Tier) -> None:
    unchecked = Finding(reason=Reason.UNCHECKED_LANGUAGE, sentence="", detail="other language than its sources")
    given = verdict(support=0.0, coverage=0.0).model_copy(update={"findings": (unchecked,)})
    step = decide(given, tier, BOTH, POLICY)
    assert step == ToHuman(reasons=(Reason.UNCHECKED_LANGUAGE,), draft=given.draft)


def test_other_objections_to_an_unchecked_draft_still_count() -> None:
    findings = [
        Finding(reason=reason, sentence="", detail="") for reason in (Reason.UNCHECKED_LANGUAGE, Reason.CUT_SHORT)
    ]
    given = verdict(support=0.0).model_copy(update={"findings": tuple(findings)})
    assert decide(given, Tier.SMALL, BOTH, POLICY) == TryTier(tier=Tier.LARGE, reasons=(Reason.CUT_SHORT,))
    assert decide(given, Tier.LARGE, BOTH, POLICY) == ToHuman(reasons=(Reason.CUT_SHORT,))
