"""How likely a model finds a text, in figures that can be compared: of two models over one text, or of texts."""

from typing import Protocol

from assistant.evaluation.metrics import percentile
from assistant.kernel.errors import InputError
from assistant.kernel.generation import ModelCard, Scored
from assistant.kernel.value import Value

QUANTILES = (5, 25, 50, 75)
"""Percent. The low ones tell surprising tokens, which a mean hides; the high ones are near 0 for any text."""


class Scorer(Protocol):
    """A model that scores text; only local ones do."""

    @property
    def card(self) -> ModelCard: ...
    def score(self, text: str, *, deadline_s: float) -> Scored: ...


class Likelihood(Value):
    """Natural logarithms. ``perplexity`` is None for a text of less than two tokens, and ``quantiles`` are then empty."""

    model: str
    tokens: int
    log_likelihood: float
    perplexity: float | None
    quantiles: dict[str, float]
    logprobs: tuple[float, ...]


def likelihood(text: str, scorer: Scorer, deadline_s: float) -> Likelihood:
    """Score ``text``. Raises InputError for an empty one, and as the model does."""
    if not text.strip():
        raise InputError("the text is empty", fix="Give a text, or --file with one in it.", field="text")
    scored = scorer.score(text, deadline_s=deadline_s)
    return Likelihood(
        model=scorer.card.name,
        tokens=scored.tokens,
        log_likelihood=scored.log_likelihood,
        perplexity=scored.perplexity if scored.logprobs else None,
        quantiles={f"p{each}": percentile(scored.logprobs, each / 100) for each in QUANTILES if scored.logprobs},
        logprobs=scored.logprobs,
    )
