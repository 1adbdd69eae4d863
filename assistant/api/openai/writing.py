"""A model writing on a thread while the event loop listens, to it and to whether the client is still there."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar

import structlog
from fastapi import Request

from assistant.api.openai.errors import UNFORESEEN
from assistant.api.openai.replies import Replies, error_event
from assistant.kernel.errors import Cancelled, DeskhandError
from assistant.kernel.generation import Completion, Token
from assistant.ports import OnToken

T = TypeVar("T")
Told = Token | Completion | DeskhandError
"""Tokens come until one of the others, which is the last."""
log = structlog.get_logger()


class Writing:
    """One completion under way. ``cancel`` ends it at its next token, or before it begins."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._told: asyncio.Queue[Told] = asyncio.Queue()
        self._gone = threading.Event()
        self._untold = 0.0
        """Logarithm of the probability of tokens without text of their own: half a character, or held back."""

    def begin(self, write: Callable[[OnToken], Completion], leave: Callable[[], None], threads: Executor) -> None:
        """Start ``write`` on a thread. ``leave`` is called at the end, whatever happens."""
        threads.submit(self._run, write, leave)

    async def next(self) -> Told:
        return await self._told.get()

    def cancel(self) -> None:
        self._gone.set()

    async def whole(self) -> tuple[Completion, list[Token]]:
        """Everything, when it is done. Raises what went wrong."""
        tokens: list[Token] = []
        while isinstance(told := await self.next(), Token):
            tokens.append(told)
        if isinstance(told, DeskhandError):
            raise told
        return told, tokens

    def _run(self, write: Callable[[OnToken], Completion], leave: Callable[[], None]) -> None:
        try:
            last = self._last_word(write)
        finally:
            leave()  # Before the last word: who has heard it may ask again at once.
        self._tell(last)

    def _last_word(self, write: Callable[[OnToken], Completion]) -> Completion | DeskhandError:
        try:
            self._unless_gone()
            return write(self._on_token)
        except Cancelled as error:
            log.info("completion cancelled by the client")
            return error
        except DeskhandError as error:
            return error
        except Exception as error:
            log.exception("completion broke", kind=type(error).__name__)
            return DeskhandError(UNFORESEEN)

    def _on_token(self, token: Token) -> None:
        self._unless_gone()
        if token.logprob is not None:
            self._untold += token.logprob
        if token.text:
            self._tell(Token(text=token.text, logprob=None if token.logprob is None else self._untold))
            self._untold = 0.0

    def _unless_gone(self) -> None:
        if self._gone.is_set():
            raise Cancelled("the client has gone")

    def _tell(self, told: Told) -> None:
        self._loop.call_soon_threadsafe(self._told.put_nowait, told)


async def events(writing: Writing, first: Token | Completion, replies: Replies) -> AsyncIterator[bytes]:
    """The chunks of a completion whose first word is already known. A client that leaves cancels it."""
    told: Told = first
    try:
        yield replies.begin()
        while isinstance(told, Token):
            yield replies.token(told)
            told = await writing.next()
        if isinstance(told, DeskhandError):
            yield error_event(told)
            return
        for event in replies.end(told):
            yield event
    finally:
        writing.cancel()


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``. Raises Cancelled when the client leaves before. The body must have been read."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Cancelled("the client has gone")
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
