"""A calibration says how sure a draft has to be. What is less sure goes up, and in the end to a person, who sees the draft."""

from collections.abc import Callable
from dataclasses import replace
from math import log

import pytest

from assistant.kernel.calibration import Basis, Calibration, InForce, Outlook, Target, Threshold
from assistant.kernel.conversation import Answer, Handoff, Ticket, Tier
from assistant.kernel.fits import Logistic
from assistant.kernel.knowledge import Scope
from assistant.kernel.reasons import Reason
from assistant.kernel.reply import reply_of
from assistant.pipeline import Desk, answer
from tests.fundamentals.test_09_the_whole_path import copying

QUESTION = Ticket.from_text("How do I descale the Fernhill Duo?")
BASIS = Basis(
    models={Tier.SMALL: "one", Tier.LARGE: "two"}, prompt="p", policy="q", embedder="e", reranker="r", passages="256"
)
SURE, UNSURE = Logistic(intercept=3.0, weights={}), Logistic(intercept=0.0, weights={"faithfulness": 0.0})


def calibration(threshold: float | None, **fits: Logistic) -> Calibration:
    found = Threshold(probability=threshold, accepted=40, wrong=1) if threshold is not None else None
    return Calibration(
        id="c1", tenant="default", created_at="2026-11-01T00:00:00+00:00", judged_by="references", data_sha256="",
        questions=60, drafts={Tier.SMALL: 50}, acceptable={Tier.SMALL: 45}, misjudged=0.05, basis=BASIS, generation=1,
        target=Target(error=0.1, confidence=0.9), fits={Tier(name): fit for name, fit in fits.items()},
        threshold=found, stricter=None, missing=0, spreads={},
    )  # fmt: skip


def calibrated(desk: Desk, in_force: InForce) -> Desk:
    return replace(desk, in_force=lambda tenant: in_force if tenant == "default" else None)


def test_without_a_calibration_no_confidence_is_shown(make_desk: Callable[..., Desk], scope: Scope) -> None:
    run = answer(QUESTION, scope, make_desk(copying))
    assert isinstance(run.decision, Answer)
    assert reply_of(run).confidence is None
    assert run.attempts[0].features["faithfulness"] > 0.5
    assert run.manifest.calibration == "none"


def test_a_draft_that_is_sure_enough_is_an_answer_with_its_confidence(
    make_desk: Callable[..., Desk], scope: Scope
) -> None:
    run = answer(QUESTION, scope, calibrated(make_desk(copying), InForce(calibration=calibration(0.9, small=SURE))))
    assert isinstance(run.decision, Answer)
    assert reply_of(run).confidence == pytest.approx(0.9526, abs=1e-4)
    assert run.manifest.calibration == "c1"


def test_an_unsure_one_goes_to_the_large_model(make_desk: Callable[..., Desk], scope: Scope) -> None:
    in_force = InForce(calibration=calibration(0.9, small=UNSURE, large=SURE))
    run = answer(QUESTION, scope, calibrated(make_desk(copying, copying), in_force))
    assert [attempt.raw.tier for attempt in run.attempts] == [Tier.SMALL, Tier.LARGE]
    assert run.attempts[0].step.reasons == (Reason.LOW_CONFIDENCE,)
    assert run.attempts[0].stood
    assert isinstance(run.decision, Answer)
    assert run.decision.draft.tier is Tier.LARGE


def test_and_then_to_a_person_who_sees_it(make_desk: Callable[..., Desk], scope: Scope) -> None:
    in_force = InForce(calibration=calibration(0.9, small=UNSURE, large=UNSURE))
    run = answer(QUESTION, scope, calibrated(make_desk(copying, copying), in_force))
    assert isinstance(run.decision, Handoff)
    assert run.decision.reasons == (Reason.LOW_CONFIDENCE,)
    assert run.decision.draft is not None
    assert reply_of(run).confidence is None


@pytest.mark.parametrize(
    "in_force",
    [
        InForce(calibration=calibration(None, small=SURE)),
        InForce(calibration=calibration(0.5, small=SURE), changed=("prompt",)),
        InForce(calibration=calibration(0.5, small=SURE), alarms=("similarity",)),
        InForce(calibration=calibration(0.5, large=SURE)),
    ],
    ids=["too few labels", "made with another prompt", "drafts have changed", "no labels for this tier"],
)
def test_what_is_not_known_is_not_accepted(make_desk: Callable[..., Desk], scope: Scope, in_force: InForce) -> None:
    run = answer(QUESTION, scope, calibrated(make_desk(copying), in_force))
    assert isinstance(run.decision, Handoff)
    assert run.decision.reasons == (Reason.NOT_CALIBRATED,)
    assert run.decision.draft is not None


def test_a_draft_that_fails_its_checks_is_not_saved_by_confidence(make_desk: Callable[..., Desk], scope: Scope) -> None:
    def inventing(_: object) -> str:
        return "Our engineers visit you on Mondays with a gold-plated hammer [1]."

    run = answer(QUESTION, scope, calibrated(make_desk(inventing), InForce(calibration=calibration(0.0, small=SURE))))
    assert isinstance(run.decision, Handoff)
    assert run.decision.draft is None
    assert not run.attempts[0].stood


def outlook(chance: float, cost: float) -> Outlook:
    """A tier that gives an acceptable answer with that chance, whatever was found."""
    return Outlook(likely=Logistic(intercept=log(chance / (1 - chance)), weights={}), cost=cost)


@pytest.mark.parametrize(
    ("small", "large", "asked"),
    [
        ((0.5, 5.0), (0.9, 15.0), [Tier.SMALL, Tier.LARGE]),
        ((0.5, 5.0), (0.2, 15.0), [Tier.SMALL]),
        ((0.1, 5.0), (0.9, 15.0), [Tier.LARGE]),
        ((0.1, 5.0), (0.2, 15.0), []),
    ],
    ids=["both pay", "the large model does not", "the small one does not", "neither does"],
)
def test_where_an_answer_has_its_price_a_model_is_asked_only_when_that_pays(
    make_desk: Callable[..., Desk],
    scope: Scope,
    small: tuple[float, float],
    large: tuple[float, float],
    asked: list[Tier],
) -> None:
    """An acceptable answer is worth 20 core-seconds here, and nothing that is written is sure enough."""
    looks = {Tier.SMALL: outlook(*small), Tier.LARGE: outlook(*large)}
    made = calibration(0.9, small=UNSURE, large=UNSURE).model_copy(update={"outlooks": looks, "worth": 20.0})
    run = answer(QUESTION, scope, calibrated(make_desk(copying, copying), InForce(calibration=made)))
    assert [attempt.raw.tier for attempt in run.attempts] == asked
    assert isinstance(run.decision, Handoff)
    assert run.decision.reasons == ((Reason.LOW_CONFIDENCE,) if asked else (Reason.UNLIKELY,))


def test_what_it_was_made_with_is_compared_by_name() -> None:
    other = BASIS.model_copy(update={"prompt": "new", "models": {Tier.SMALL: "one", Tier.LARGE: "three"}})
    assert BASIS.differences(BASIS) == ()
    assert BASIS.differences(other) == ("models", "prompt")
