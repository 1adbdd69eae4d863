"""A run of the pipeline as server-sent events: evidence, token…, sentence…, decision, done.

``sentence`` carries one that is complete and passed its check, with safe HTML; its index 0 begins a draft afresh,
and so does a ``decision`` to try another tier. The last word is ``done``, which has the whole reply.
"""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from typing import Any, assert_never

import structlog
from fastapi.sse import format_sse_event

from assistant.api.errors import problem_of
from assistant.api.views import passage_view, sentence_view, view_of
from assistant.kernel.conversation import Answer, Route, Step, TryTier
from assistant.kernel.errors import Cancelled, DeskhandError
from assistant.kernel.reply import Reply, reply_passage, reply_sentence
from assistant.kernel.runs import Event, EvidenceFound, OnEvent, SentenceStands, StepTaken, TokenWritten

Work = Callable[[OnEvent], Reply]
Told = tuple[str, dict[str, Any]]
"""An event's name and its data."""
log = structlog.get_logger()


def events(work: Work, threads: Executor, *, html: bool = False) -> AsyncIterator[bytes]:
    """Start ``work`` on a thread now, and yield what happens, as it happens. A client that leaves cancels it.

    With ``html`` passages and the reply carry safe HTML too.
    """
    loop = asyncio.get_running_loop()
    told: asyncio.Queue[Told | None] = asyncio.Queue()
    gone = threading.Event()

    def tell(item: Told | None) -> None:
        loop.call_soon_threadsafe(told.put_nowait, item)

    def on_event(event: Event) -> None:
        if gone.is_set():
            raise Cancelled("the client has gone")
        tell(_told(event, html=html))

    def run() -> None:
        try:
            reply = work(on_event)
            tell(("done", (view_of(reply) if html else reply).model_dump(mode="json")))
        except Cancelled:
            log.info("draft cancelled by the client")
        except DeskhandError as error:
            tell(("error", problem_of(error).model_dump()))
        except Exception as error:
            log.exception("draft broke", kind=type(error).__name__)
            tell(("error", problem_of(DeskhandError("Deskhand failed in a way that is not foreseen")).model_dump()))
        finally:
            tell(None)

    threads.submit(run)
    return _relay(told, gone)


async def _relay(told: asyncio.Queue[Told | None], gone: threading.Event) -> AsyncIterator[bytes]:
    try:
        number = 0
        while (item := await told.get()) is not None:
            number += 1
            name, data = item
            yield format_sse_event(event=name, data_str=json.dumps(data, ensure_ascii=False), id=str(number))
    finally:
        gone.set()


def _told(event: Event, *, html: bool) -> Told:
    match event:
        case EvidenceFound(evidence=evidence):
            passages = [reply_passage(passage) for passage in evidence.passages]
            shown = [(passage_view(passage) if html else passage).model_dump(mode="json") for passage in passages]
            return "evidence", {"passages": shown}
        case TokenWritten(tier=tier, text=text):
            return "token", {"tier": tier, "text": text}
        case SentenceStands(tier=tier, place=place, sentence=sentence):
            view = sentence_view(reply_sentence(sentence)).model_dump(mode="json")
            return "sentence", {"index": place, "tier": tier} | view
        case StepTaken(step=step):
            return "decision", _step(step)
        case _:
            assert_never(event)


def _step(step: Route | Step) -> dict[str, Any]:
    """``try`` is followed by tokens of that tier; every other kind is the end."""
    kind = {"try": "try", "answer": "answer", "clarify": "clarify", "refuse": "refuse", "human": "handoff"}[step.kind]
    tier = step.tier if isinstance(step, TryTier) else step.draft.tier if isinstance(step, Answer) else None
    return {"decision": kind, "tier": tier, "reasons": list(step.reasons)}
