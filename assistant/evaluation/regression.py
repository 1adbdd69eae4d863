"""Logistic regressions with readable weights: fitted, parted in halves that do not share a conversation, written as TOML."""

import random
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from assistant.kernel.errors import InputError
from assistant.kernel.fits import Logistic


def fit_logistic(
    rows: Sequence[Mapping[str, float]], labels: Sequence[bool], strength: float, what: str, *, balanced: bool = False
) -> Logistic:
    """Weights for the features as they are: what they were scaled by is put into them.

    ``strength`` is the inverse one of the L2 penalty on standardised features; ``balanced`` gives both labels the same weight.
    Raises InputError, which names ``what``, when the labels are all alike.
    """
    from sklearn.linear_model import LogisticRegression  # Slow to import, and needed here alone.

    if len(set(labels)) < 2:
        raise InputError(
            f"{len(labels)} rows are not enough to fit {what}: all of them are of one kind",
            fix="Add rows of the other kind, or fit on all of them.",
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


def halves(groups: Iterable[str], seed: int) -> tuple[frozenset[str], frozenset[str]]:
    """``groups``, such as the conversations that rows come from, parted in two by chance."""
    all_of_them = sorted(set(groups))
    random.Random(seed).shuffle(all_of_them)
    return frozenset(all_of_them[::2]), frozenset(all_of_them[1::2])


def as_toml(about: str, models: Mapping[str, Logistic]) -> str:
    """The models by name, below lines that say what they were made of: a file that a policy can name."""
    parts = ["\n".join(f"# {line}" for line in about.splitlines())]
    for name, model in models.items():
        weights = [f"{feature} = {weight:.4f}" for feature, weight in model.weights.items()]
        parts.append("\n".join([f"[{name}]", f"intercept = {model.intercept:.4f}", f"[{name}.weights]", *weights]))
    return "\n\n".join(parts) + "\n"
