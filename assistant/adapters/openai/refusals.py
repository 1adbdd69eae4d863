"""What a server's error means: a field it does not know, a wrong configuration, a wrong request, or no time for us.

A server's words are read here and not passed on: they may repeat the prompt.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import httpx2

from assistant.kernel.errors import ConfigurationError, DeskhandError, InputError, ModelUnavailable, RetryLater

DISPENSABLE = frozenset({"logprobs", "stream_options", "user"})
"""Without these a reply is the same; only less is known of it."""
REPEAT_PENALTIES = frozenset({"repeat_penalty", "repetition_penalty"})
"""llama-server's word, and vLLM's, which means the whole prompt too. One of them is enough."""
UNSPECIFIC = frozenset({"model", "messages", "stream", "stop"})
"""Fields whose names are said in errors that are not about them."""
REFUSALS = frozenset({400, 403, 422})
"""400 is OpenAI's, 422 that of servers made with pydantic; 403 is also said of log-probabilities."""


def refused_fields(response: httpx2.Response, sent: Mapping[str, Any]) -> frozenset[str]:
    """Which fields to leave out in another try; none when the request was accepted.

    Raises what the error stands for when leaving something out does not help.
    """
    status = response.status_code
    if status < 400:
        return frozenset()
    named = _named(response.read().decode("utf-8", "replace"), sent) if status in REFUSALS else frozenset()
    spelled = named & REPEAT_PENALTIES
    dispensable = named & DISPENSABLE | (spelled if spelled < REPEAT_PENALTIES & sent.keys() else frozenset())
    if not dispensable:
        raise _error(response, named)
    return dispensable


def _named(answer: str, sent: Mapping[str, Any]) -> frozenset[str]:
    """The fields an error is about: OpenAI's ``param`` if it says one, else those whose names are in it."""
    try:
        param = json.loads(answer)["error"]["param"]
    except (ValueError, KeyError, TypeError):
        param = None
    if isinstance(param, str) and param:
        return frozenset({re.split(r"[.\[]", param)[0]}) & sent.keys()
    return frozenset(name for name in sent.keys() - UNSPECIFIC if re.search(rf"\b{name}\b", answer))


def _error(response: httpx2.Response, named: frozenset[str]) -> DeskhandError:
    status, wait_s = response.status_code, _seconds(response.headers.get("Retry-After"))
    if "response_format" in named:
        return ConfigurationError(
            "the model server refused response_format, which binds a reply to its JSON schema",
            fix="Use a server and a model with structured outputs, such as llama-server or vLLM, for this tier.",
        )
    if status in (401, 403, 404):
        return ConfigurationError(
            f"the model server answered {status}", fix="Check DESKHAND_…_BASE_URL, …_API_KEY and the model's name."
        )
    if status == 429:
        return RetryLater("the model server has too much to do", retry_after_s=wait_s)
    if status < 500:
        about = f" because of {', '.join(sorted(named))}" if named else ""
        return InputError(
            f"the model server refused the request with {status}{about}", fix="It may be too long for the model."
        )
    return ModelUnavailable(f"the model server answered {status}", retry_after_s=wait_s)


def _seconds(value: str | None) -> float:
    """Retry-After in seconds; the header may also be a date, which is not worth a parser here."""
    return float(value) if value and value.isdigit() else 5.0
