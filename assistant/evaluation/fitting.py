"""Fits what the check of drafts judges by: logistic regressions on what sets a changed claim, or an unfaithful draft, apart."""

import random
from collections.abc import Collection, Sequence
from typing import NamedTuple

from assistant.evaluation.contradictions import LEAST_WORDS, contradict
from assistant.evaluation.rated import BEST, RatedAnswer
from assistant.evaluation.regression import as_toml, fit_logistic
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
        found.drafts.append(as_a_whole(row, language))
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


def as_a_whole(row: RatedAnswer, language: str) -> Rated:
    sentences = [span.text for span in split_sentences(row.response)]
    return Rated(row, agreement(sentences, row.question, Ground(row.contexts, language)))


def fit_grounding(found: Examples, conversations: Collection[str]) -> GroundingFit:
    """Fitted to what is of ``conversations``. Raises InputError when that has not both kinds of anything."""
    mine = [claim for claim in found.claims if claim.row.conversation in conversations]
    drafts = [draft for draft in found.drafts if draft.row.conversation in conversations]
    contradiction = {}
    for kind in Kind:
        having = [claim for claim in mine if claim.edit in (None, kind) and kind in claim.differences]
        rows = [claim.differences[kind].features for claim in having]
        contradiction[kind.value] = fit_logistic(
            rows, [claim.edit is kind for claim in having], CLAIM_STRENGTH, f"{kind} edits"
        )
    return GroundingFit(contradiction=contradiction, faithful=fit_faithful(drafts))


def fit_faithful(drafts: Sequence[Rated]) -> Logistic:
    """Raises InputError when all ``drafts`` are faithful, or none is."""
    features, labels = [draft.features for draft in drafts], [draft.row.faithful for draft in drafts]
    return fit_logistic(features, labels, DRAFT_STRENGTH, "ratings", balanced=True)


def fitted(rows: Sequence[RatedAnswer], language: str, seed: int) -> str:
    """The file that a policy names as ``fit``, fitted to all of ``rows``. Raises InputError as ``fit_grounding`` does."""
    found = examples(rows, language, seed)
    fit = fit_grounding(found, {row.conversation for row in rows})
    about = f"Fitted to {len(found.drafts)} rated answers and {len(found.claims)} sentences, edits by seed {seed}."
    named = {f"contradiction.{kind}": model for kind, model in fit.contradiction.items()}
    return as_toml(f"{about}\ndeskhand evaluate grounding --rows … --fit …", named | {"faithful": fit.faithful})


def _claim(row: RatedAnswer, sentences: Sequence[str], place: int, edit: Kind | None, ground: Ground) -> Claim:
    text, before = sentences[place], sentences[place - 1] if place else ""
    return Claim(row, edit, text, before, compare(text, before, row.question, ground))
