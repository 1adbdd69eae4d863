"""Chat completions and models as OpenAI's clients know them: the local models for other programs.

Nothing of Deskhand's own is in between: no documents, no redaction, no verification, and no record of it.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.background import BackgroundTask

from assistant.api.access import app_of, requires
from assistant.api.openai.errors import ErrorAnswer, OpenAIRoute
from assistant.api.openai.replies import ChatCompletion, ModelEntry, ModelList, Replies
from assistant.api.openai.requests import ChatRequest
from assistant.api.openai.writing import Writing, events, unless_gone
from assistant.api.service import Service, service_of
from assistant.kernel.access import ApiKey, KeyScope
from assistant.kernel.conversation import Tier
from assistant.kernel.errors import DeskhandError, NotFound, PromptTooLong
from assistant.kernel.generation import ChatMessage, Completion, run_to_end
from assistant.ports import LanguageModel, OnToken

router = APIRouter(
    tags=["models"],
    route_class=OpenAIRoute,
    responses={"default": {"model": ErrorAnswer, "description": "An error in OpenAI's form."}},
)
ModelsKey = Annotated[ApiKey, Depends(requires(KeyScope.MODELS))]
DEADLINE_S = 600.0
"""As long as OpenAI's own clients wait."""


@router.get("/v1/models")
def list_models(request: Request, _: ModelsKey) -> ModelList:
    """The models that write here, by tier and by their own names."""
    return ModelList(
        data=[
            ModelEntry(id=name, root=model.card.name, max_model_len=model.card.context_length)
            for name, model in _by_name(app_of(request).models).items()
        ]
    )


@router.post(
    "/v1/chat/completions",
    response_model=ChatCompletion,
    responses={
        200: {
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
            "description": "The completion; with `stream` its chunks as server-sent events, ended by `[DONE]`.",
        }
    },
)
async def create_completion(
    asked: ChatRequest, request: Request, key: ModelsKey, service: Annotated[Service, Depends(service_of)]
) -> Response:
    """Have a model write. A client that goes away cancels it; an error before the first token has its own status."""
    app = app_of(request)
    model = _find(app.models, asked.model)
    service.admission.enter()
    started = app.clock.monotonic()

    def write(on_token: OnToken) -> Completion:
        messages = asked.chat
        limit = asked.limit or _room(model, messages)
        left = DEADLINE_S - (app.clock.monotonic() - started)
        return run_to_end(model.stream(messages, asked.sampling(limit), tenant=key.tenant, deadline_s=left), on_token)

    writing = Writing()
    writing.begin(write, lambda: service.admission.leave(app.clock.monotonic() - started), service.threads)
    replies = Replies(
        f"chatcmpl-{uuid4().hex}", int(app.clock.now().timestamp()), model.card, asked.logprobs, asked.include_usage
    )
    try:
        if not asked.stream:
            return JSONResponse(replies.whole(*await unless_gone(request, writing.whole())).model_dump())
        first = await unless_gone(request, writing.next())
        if isinstance(first, DeskhandError):
            raise first
    except BaseException:
        writing.cancel()
        raise
    return StreamingResponse(
        events(writing, first, replies),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
        background=BackgroundTask(writing.cancel),  # For a client that leaves before the first chunk is sent.
    )


def _by_name(models: Mapping[Tier, LanguageModel]) -> dict[str, LanguageModel]:
    """Tiers first: a model that is called like one does not hide it."""
    return {tier.value: model for tier, model in models.items()} | {
        model.card.name: model for model in models.values() if model.card.name not in set(Tier)
    }


def _find(models: Mapping[Tier, LanguageModel], name: str) -> LanguageModel:
    known = _by_name(models)
    if name not in known:
        raise NotFound(f"there is no model {name!r}", fix=f"Known are {', '.join(known) or 'none'}.", field="model")
    return known[name]


def _room(model: LanguageModel, messages: Sequence[ChatMessage]) -> int:
    """Tokens that the prompt leaves for the reply. Raises PromptTooLong when there are none."""
    context, prompt = model.card.context_length, model.count_tokens(messages)
    if prompt >= context:
        raise PromptTooLong(
            f"the messages have {prompt} tokens, and the model keeps {context} in mind",
            fix="Send less text.",
            field="messages",
        )
    return context - prompt
