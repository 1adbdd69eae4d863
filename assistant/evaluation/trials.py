"""Labelled questions on every tier alone, whatever the others would have done: what calibrations and cascades are made from.

A trial takes minutes of a CPU, so each is a line of a file as soon as it is there, and is not made again for the same question,
model, prompt, policy and index.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from assistant.evaluation.formats import Query
from assistant.kernel.calibration import Basis
from assistant.kernel.conversation import Tier
from assistant.kernel.errors import ModelUnavailable
from assistant.kernel.knowledge import Scope
from assistant.kernel.reasons import Reason
from assistant.kernel.runs import Run, RunManifest
from assistant.kernel.value import Value
from assistant.pipeline import Desk, answer

PATIENCE = 8
"""Times the usual deadline, for as many drafts are under way at once."""


class Trial(Value):
    """What became of a question where only one tier could answer it. ``key`` is of all that it depends on."""

    key: str
    tier: Tier
    run: Run


def run_trials(
    queries: Sequence[Query],
    desk: Desk,
    basis: Basis,
    scope: Scope,
    kept: Path,
    at_once: int,
    on_progress: Callable[[int], None] = lambda _: None,
) -> dict[str, list[Trial]]:
    """The trials of each question by its id, the small model's first; those in ``kept`` are not made again, new ones are added to it.

    ``at_once`` drafts are under way at a time. Raises as ``answer`` does, and ModelUnavailable when a model gave no draft that should have:
    what others made is kept.
    """
    before = {trial.key: trial for trial in _read(kept)}
    snapshot = desk.index.snapshot(scope.tenant)
    generation = snapshot.manifest.generation if snapshot else 0
    found: dict[str, list[Trial]] = {query.id: [] for query in queries}
    kept.parent.mkdir(parents=True, exist_ok=True)
    writing = threading.Lock()
    generate = desk.policy.generate.model_copy(update={"deadline_s": PATIENCE * desk.policy.generate.deadline_s})
    policy = desk.policy.model_copy(update={"generate": generate})
    for tier in (tier for tier in Tier if tier in desk.models):
        alone = replace(desk, models={tier: desk.models[tier]}, policy=policy, in_force=lambda _: None)

        def trial(query: Query, alone: Desk = alone, tier: Tier = tier) -> Trial:
            key = _key(query, tier, basis, scope, alone.provenance(generation))
            if key in before:
                return before[key]
            made = Trial(key=key, tier=tier, run=answer(query.ticket, scope, alone))
            _refuse_failed(query, made)
            with writing, kept.open("a", encoding="utf-8") as file:
                file.write(made.model_dump_json() + "\n")
            return made

        with ThreadPoolExecutor(at_once) as pool:
            for query, made in zip(queries, pool.map(trial, queries), strict=True):
                found[query.id].append(made)
                on_progress(1)
    return found


def _refuse_failed(query: Query, trial: Trial) -> None:
    """What a model failed at says nothing about its drafts."""
    told = any(incident.startswith(f"{trial.tier} model:") for incident in trial.run.incidents)
    reasons = trial.run.decision.reasons
    if Reason.OUT_OF_TIME in reasons or (Reason.MODEL_UNAVAILABLE in reasons and told):
        raise ModelUnavailable(
            f"the {trial.tier} model gave no draft for question {query.id!r}",
            fix="Run the command again: the drafts that are there are kept.",
        )


def _key(query: Query, tier: Tier, basis: Basis, scope: Scope, made_with: RunManifest) -> str:
    parts = [
        query.ticket.model_dump_json(), basis.models[tier], scope.tenant, sorted(scope.audiences),
        made_with.snapshot_generation, made_with.code_version, basis.model_dump(mode="json", exclude={"models"}),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _read(path: Path) -> Iterator[Trial]:
    """The trials of a file; a line that was cut off, or is of another version, is left out and made again."""
    if path.is_file():
        for line in path.read_text("utf-8", errors="replace").split("\n"):
            try:
                yield Trial.model_validate_json(line)
            except ValidationError:
                continue
