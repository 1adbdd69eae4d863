"""Run → the same drafts again: is what was stored enough to repeat it?"""

from assistant.kernel.conversation import Tier
from assistant.kernel.errors import ConfigurationError
from assistant.kernel.generation import run_to_end
from assistant.kernel.runs import Run
from assistant.kernel.value import Value
from assistant.pipeline import Desk


class ReplayOutcome(Value):
    """``differs_at`` is the first character that differs; ``changed`` says what is no longer as it was."""

    tier: Tier
    same: bool
    differs_at: int | None
    changed: tuple[str, ...]


def replay(run: Run, desk: Desk) -> list[ReplayOutcome]:
    """Send each attempt's stored messages to the same tier, greedily, and compare the text.

    Raises ConfigurationError when a tier of the run is not configured now.
    """
    changed = _changes(run, desk)
    outcomes = []
    for attempt in run.attempts:
        raw = attempt.raw
        model = desk.models.get(raw.tier)
        if model is None:
            raise ConfigurationError(
                f"the run used a {raw.tier} model and none is set", fix=f"Set DESKHAND_{raw.tier.upper()}_MODEL."
            )
        swapped = [] if model.card == raw.model else [f"The model was {raw.model.name} ({raw.model.sha256[:8]})."]
        greedy = raw.sampling.model_copy(update={"temperature": 0.0})
        stream = model.stream(raw.messages, greedy, tenant=run.tenant, deadline_s=desk.policy.generate.deadline_s)
        text = run_to_end(stream, lambda _: None).text
        outcomes.append(
            ReplayOutcome(
                tier=raw.tier,
                same=text == raw.completion.text,
                differs_at=_first_difference(text, raw.completion.text),
                changed=tuple(swapped + changed),
            )
        )
    return outcomes


def _changes(run: Run, desk: Desk) -> list[str]:
    """What a draft made now would be made with, where it is not what this one was made with."""
    now = desk.provenance(run.manifest.snapshot_generation)
    fields = ("code_version", "prompt_sha256", "policy_sha256", "embedder_sha256", "config_sha256")
    return [f"{name} has changed since." for name in fields if getattr(now, name) != getattr(run.manifest, name)]


def _first_difference(one: str, other: str) -> int | None:
    if one == other:
        return None
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
