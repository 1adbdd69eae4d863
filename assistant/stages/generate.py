"""Question, Evidence and a model → RawDraft: a short prompt of the passages that matter, and a reply."""

import re
from collections.abc import Callable, Sequence

from assistant.kernel.conversation import Question, RawDraft, Tier, Wish
from assistant.kernel.errors import PromptTooLong
from assistant.kernel.generation import ChatMessage, Sampling, run_to_end
from assistant.kernel.knowledge import Evidence, Passage
from assistant.kernel.policy import GeneratePolicy
from assistant.ports import LanguageModel, OnToken
from assistant.prompts import Prompt
from assistant.text.arrangement import arrange
from assistant.text.language import LANGUAGE_NAMES

OnPassages = Callable[[Sequence[Passage]], None]
_OWN_TAGS = re.compile(r"<\s*/?\s*(?:passage|question|message|earlier)\b", re.IGNORECASE)
_STOP = ("<passage", "</passage", "<question", "</question", "<message", "<earlier")
"""Small models that run out of an answer go on with the prompt."""


def generate(
    question: Question,
    evidence: Evidence,
    tier: Tier,
    model: LanguageModel,
    template: Prompt,
    policy: GeneratePolicy,
    *,
    tenant: str,
    deadline_s: float,
    on_token: OnToken,
    on_passages: OnPassages = lambda _: None,
    wish: Wish = Wish(),
) -> RawDraft:
    """Let ``model`` write a reply within ``deadline_s`` seconds, handing each token on as it comes.

    ``on_passages`` is told before the first token which passages are in the prompt.

    Raises PromptTooLong, ModelUnavailable, DeadlineExceeded or Cancelled.
    """
    sampling = Sampling(max_tokens=policy.max_tokens, stop=_STOP)
    fit = _fit(question, evidence.passages[: policy.passages], template, model, sampling, wish)
    passages = fit
    if gain := policy.familiar_gain:
        passages = arrange(
            fit, lambda order: model.known_tokens(_render(question, order, template, wish), tenant=tenant), gain
        )
    messages = _render(question, passages, template, wish)
    if [*passages] != [*fit] and model.count_tokens(messages) + sampling.max_tokens > model.card.context_length:
        passages, messages = fit, _render(question, fit, template, wish)  # Tokens may join where passages meet.
    on_passages(passages)
    completion = run_to_end(model.stream(messages, sampling, tenant=tenant, deadline_s=deadline_s), on_token)
    return RawDraft(
        tier=tier,
        model=model.card,
        messages=messages,
        sampling=sampling,
        passages_used=tuple(passage.chunk.id for passage in passages),
        completion=completion,
        wish=wish,
    )


def _fit(
    question: Question,
    passages: Sequence[Passage],
    template: Prompt,
    model: LanguageModel,
    sampling: Sampling,
    wish: Wish,
) -> Sequence[Passage]:
    """The passages whose prompt fits ``model``: the weakest are left out first, the question never."""
    room = model.card.context_length - sampling.max_tokens
    for count in range(len(passages), 0, -1):
        if model.count_tokens(_render(question, passages[:count], template, wish)) <= room:
            return passages[:count]
    raise PromptTooLong(
        f"the question does not fit the {model.card.context_length} tokens of {model.card.name} beside a passage",
        fix="Shorten the last message, or use a model with a longer context.",
    )


def _render(question: Question, passages: Sequence[Passage], template: Prompt, wish: Wish) -> tuple[ChatMessage, ...]:
    return template.render(
        language_name=LANGUAGE_NAMES.get(wish.language or question.language, "the language of the question"),
        tone=wish.tone,
        passages=[{"title": _attribute(p.chunk.heading_line()), "text": _data(p.chunk.text)} for p in passages],
        previous=_data(question.previous),
        message=_data(question.text) if len(question.asks) > 1 or question.asks != (question.text,) else "",
        question=_data(" ".join(question.asks)),
    )


def _attribute(text: str) -> str:
    return _data(" ".join(text.replace('"', "'").split()))


def _data(text: str) -> str:
    """``text`` without anything that could close the tags that mark it as data."""
    return _OWN_TAGS.sub(lambda match: match.group().replace("<", "("), text)
