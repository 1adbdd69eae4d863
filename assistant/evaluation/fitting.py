"""Fits what the check of drafts judges by: logistic regressions on what sets a changed claim, or an unfaithful draft, apart."""

import random
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from assistant.evaluation.contradictions import LEAST_WORDS, contradict
from assistant.evaluation.rated import BEST, RatedAnswer
from assistant.kernel.errors import InputError
from assistant.kernel.fits import GroundingFit, Logistic
from assistant.text.claims import Difference, Kind, agreement, compare
from assistant.text.ground import Ground
from assistant.text.sentences import split_sentences

EDITS = 2
"""How often each answer is edited in each way it offers."""
CLAIM_STRENGTH, DRAFT_STRENGTH = 3.0, 0.003
"""Inverse strength of the L2 penalty on standardised features. For drafts, with 32 that people call unfaithful, nearly all weight is on the
signs: on the other half AUROC .958, at .1 .950 (mtRAG's ratings, 2026-11-23)."""


class Claim(NamedTuple):
    """A sentence of an answer that people rated best, as it was, or with one ``edit`` of that kind."""

    row: RatedAnswer
    edit: Kind | None
    text: str
    before: str
    differences: dict[Kind, Difference]


class Rated(NamedTuple):
    """How a whole answer agrees with its passages."""

    row: RatedAnswer
    features: dict[str, float]


class Examples(NamedTuple):
    claims: list[Claim]
    drafts: list[Rated]


def examples(rows: Sequence[RatedAnswer], language: str, seed: int) -> Examples:
    """What can be learned from ``rows``. The same seed makes the same edits."""
    rng = random.Random(seed)
    found = Examples([], [])
    for row in rows:
        ground = Ground(row.contexts, language)
        sentences = [span.text for span in split_sentences(row.response)]
        found.drafts.append(Rated(row, agreement(sentences, row.question, ground)))
        if row.faithfulness_median < BEST:
            continue
        long = [place for place, text in enumerate(sentences) if len(text.split()) >= LEAST_WORDS]
        found.claims.extend(_claim(row, sentences, place, None, ground) for place in long)
        for _ in range(EDITS):
            for edit in contradict(row.response, row.contexts, rng):
                after = [span.text for span in split_sentences(edit.text)]
                places = [at for at, (one, other) in enumerate(zip(sentences, after, strict=False)) if one != other]
                if places:
                    kind = Kind(edit.kind)  # Of two steps that changed places the second is told by the one before it.
                    found.claims.append(_claim(row, after, places[-1 if kind is Kind.STEPS else 0], kind, ground))
    return found


def fit_grounding(found: Examples, conversations: Collection[str]) -> GroundingFit:
    """Fitted to what is of ``conversations``. Raises InputError when that has not both kinds of anything."""
    mine = [claim for claim in found.claims if claim.row.conversation in conversations]
    drafts = [draft for draft in found.drafts if draft.row.conversation in conversations]
    contradiction = {}
    for kind in Kind:
        having = [claim for claim in mine if claim.edit in (None, kind) and kind in claim.differences]
        rows = [claim.differences[kind].features for claim in having]
        contradiction[kind.value] = _fit(
            rows, [claim.edit is kind for claim in having], CLAIM_STRENGTH, f"{kind} edits"
        )
    labels = [draft.row.faithful for draft in drafts]
    features = [draft.features for draft in drafts]
    return GroundingFit(
        contradiction=contradiction, faithful=_fit(features, labels, DRAFT_STRENGTH, "ratings", balanced=True)
    )


def halves(found: Examples, seed: int) -> tuple[frozenset[str], frozenset[str]]:
    """The conversations, parted in two by chance."""
    all_of_them = sorted({draft.row.conversation for draft in found.drafts})
    random.Random(seed).shuffle(all_of_them)
    return frozenset(all_of_them[::2]), frozenset(all_of_them[1::2])


def fitted(rows: Sequence[RatedAnswer], language: str, seed: int) -> str:
    """The file that a policy names as ``fit``, fitted to all of ``rows``. Raises InputError as ``fit_grounding`` does."""
    found = examples(rows, language, seed)
    fit = fit_grounding(found, {row.conversation for row in rows})
    about = f"# Fitted to {len(found.drafts)} rated answers and {len(found.claims)} sentences, edits by seed {seed}."
    parts = [f"{about}\n# deskhand evaluate grounding --rows … --fit …"]
    named = [(f"contradiction.{kind}", model) for kind, model in fit.contradiction.items()]
    for name, model in (*named, ("faithful", fit.faithful)):
        weights = [f"{feature} = {weight:.4f}" for feature, weight in model.weights.items()]
        parts.append("\n".join([f"[{name}]", f"intercept = {model.intercept:.4f}", f"[{name}.weights]", *weights]))
    return "\n\n".join(parts) + "\n"


def _claim(row: RatedAnswer, sentences: Sequence[str], place: int, edit: Kind | None, ground: Ground) -> Claim:
    text, before = sentences[place], sentences[place - 1] if place else ""
    return Claim(row, edit, text, before, compare(text, before, row.question, ground))


def _fit(
    rows: Sequence[dict[str, float]], labels: Sequence[bool], strength: float, what: str, *, balanced: bool = False
) -> Logistic:
    """Weights for the features as they are: what they were scaled by is put into them."""
    from sklearn.linear_model import LogisticRegression  # Slow to import, and needed here alone.

    if len(set(labels)) < 2:
        raise InputError(
            f"{len(labels)} rows are not enough to fit {what}: all of them are of one kind",
            fix="Add rated answers, or fit on all of them.",
            field="rows",
        )
    names = list(rows[0])
    values = np.array([[row[name] for name in names] for row in rows])
    means, scales = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-6)
    model = LogisticRegression(C=strength, class_weight="balanced" if balanced else None, max_iter=5_000)
    model.fit((values - means) / scales, labels)
    weights = model.coef_[0] / scales
    intercept = float(model.intercept_[0] - weights @ means)
    return Logistic(intercept=intercept, weights=dict(zip(names, map(float, weights), strict=True)))
