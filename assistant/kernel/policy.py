"""Thresholds and sizes the stages decide by: versioned data (``assistant/policies``), never code."""

from collections.abc import Mapping

from pydantic import Field

from assistant.kernel.fits import GroundingFit
from assistant.kernel.value import Value

Share = Field(ge=0.0, le=1.0)


class RerankPolicy(Value):
    """The best ``passages`` are read by the reranker, whose logits count ``weight`` each beside the score they have. It reads
    the newest turn alone: only one of so many content words (a first one may have fewer), and only where the best and the
    fourth passage are no farther apart than ``max_lead``.
    """

    passages: int = Field(ge=0)
    weight: float = Field(ge=0.0)
    min_words: int = Field(ge=0)
    max_words: int = Field(ge=0)
    max_lead: float = Share


class FeedbackPolicy(Value):
    """Where the newest turn has ``min_words`` content words or more, the mean meaning of the best ``passages`` is added to what is
    looked for, with ``weight``.
    """

    passages: int = Field(ge=0)
    weight: float = Field(ge=0.0)
    min_words: int = Field(ge=0)


class RetrievalPolicy(Value):
    """``turns`` of the customer's are looked for, each counting ``older_turn`` of the one after it. A passage of an outdated
    document has ``outdated`` of its score. Steps that one of the best ``completed`` passages breaks off are fetched.
    """

    candidates: int = Field(ge=1)
    turns: int = Field(ge=1)
    older_turn: float = Share
    reply: float = Share
    dense_share: float = Share
    shown: int = Field(ge=1)
    per_document: int = Field(ge=1)
    outdated: float = Share
    completed: int = Field(default=0, ge=0)
    rerank: RerankPolicy = RerankPolicy(passages=0, weight=0.0, min_words=0, max_words=0, max_lead=0.0)
    feedback: FeedbackPolicy = FeedbackPolicy(passages=0, weight=0.0, min_words=0)


class RoutePolicy(Value):
    """``refused``: regular expressions by kind of what nobody may be helped with."""

    min_similarity: float = Share
    vague_words: int = Field(ge=0)
    vague_similarity: float = Share
    options: int = Field(ge=1)
    parts_for_large: int = Field(ge=1)
    words_for_large: int = Field(ge=1)
    refused: Mapping[str, tuple[str, ...]]


class ShieldPolicy(Value):
    """``orders``: regular expressions by kind of what orders a model about."""

    orders: Mapping[str, tuple[str, ...]]


class SelectPolicy(Value):
    """``passage_tokens``, of a passage on average, are the embedder's; 0 puts passages into the prompt whole."""

    passage_tokens: int = Field(default=0, ge=0)
    min_sentences: int = Field(default=2, ge=1)


class GeneratePolicy(Value):
    passages: int = Field(ge=1)
    familiar_gain: int = Field(default=0, ge=0)
    max_tokens: int = Field(ge=1)
    deadline_s: float = Field(gt=0.0)
    tries_per_tier: int = Field(ge=1)


class VerifyPolicy(Value):
    """``fit`` is what was fitted to tell changed claims; one whose probability of it exceeds ``max_risk`` falls.

    ``promises``: regular expressions by kind of what only a person may promise.
    """

    fit: GroundingFit
    promises: Mapping[str, tuple[str, ...]]
    max_risk: float = Share
    min_support: float = Share
    min_quote_support: float = Share
    min_number_support: float = Share
    min_joined_number_support: float = Share
    second_passage_gain: float = Share
    quote_sentences: int = Field(ge=1)


class DecidePolicy(Value):
    min_mean_support: float = Share
    min_question_coverage: float = Share
    max_dropped_share: float = Share


class SummarizePolicy(Value):
    min_support: float = Share


class Policy(Value):
    """One version of all thresholds. ``calibration`` names the fit behind them, or says there is none."""

    name: str
    calibration: str
    retrieval: RetrievalPolicy
    shield: ShieldPolicy
    route: RoutePolicy
    select: SelectPolicy = SelectPolicy()
    generate: GeneratePolicy
    verify: VerifyPolicy
    decide: DecidePolicy
    summarize: SummarizePolicy
