"""Around every request: a bound on its body, security headers, and its count and time."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.api.errors import BodyTooLarge, problem_response
from assistant.api.metrics import Metrics
from assistant.api.openai.errors import PATHS, error_response
from assistant.kernel.errors import InputError

_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
]


class BodyLimit:
    """Refuses a body larger than ``limit`` bytes, whether or not its length was said."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app, self._limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = dict(scope["headers"]).get(b"content-length", b"0")
        if said.isdigit() and int(said) > self._limit:
            await self._refuse(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
                return {"type": "http.request", "body": b"", "more_body": False}
            return message

        async def unless_refused(message: Message) -> None:
            if seen <= self._limit:
                await send(message)

        await self._app(scope, counted, unless_refused)
        if seen > self._limit:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = BodyTooLarge(
            f"the body is larger than {self._limit} bytes", fix="Send less, or raise DESKHAND_MAX_BODY_BYTES."
        )
        respond = error_response if scope["path"] in PATHS else problem_response
        await respond(error)(scope, receive, send)


class NoNullBytes:
    """Refuses addresses with a null byte: no id has one, and a database may choke on it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and ("\0" in scope["path"] or b"%00" in scope["query_string"]):
            error = InputError("the address has a null byte in it", fix="Take it out.", field="url")
            await problem_response(error)(scope, receive, send)
            return
        await self._app(scope, receive, send)


class Observed:
    """Counts requests by route template, and adds headers that make responses safe to show."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.monotonic(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                said = list(message.get("headers", ()))
                own = {name.lower() for name, _ in said}  # A route may know better, as one of immutable assets does.
                message["headers"] = [*said, *((name, value) for name, value in _HEADERS if name not in own)]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            self._metrics.requests.labels(route, str(status)).inc()
            self._metrics.request_seconds.labels(route).observe(time.monotonic() - started)
