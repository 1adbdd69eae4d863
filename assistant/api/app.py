"""``create_app()``: the FastAPI application over an App."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from assistant import __version__
from assistant.api import errors
from assistant.api.middleware import BodyLimit, NoNullBytes, Observed
from assistant.api.routes import (
    batches,
    completions,
    drafts,
    health,
    jobs,
    knowledge,
    learning,
    runs,
    sessions,
    sidebar,
    sidebar_demo,
    webhooks,
)  # fmt: skip
from assistant.api.service import Service
from assistant.wiring import App


def create_app(app: App) -> FastAPI:
    """The service, ready to be served. Raises DatabaseError when the database cannot be used."""
    _ = app.engine  # Now, not in the first request: a schema that is not current must stop the start.
    service = Service(app)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.warm_up()
        yield

    shown = app.settings.docs_enabled
    make = FastAPIOffline if shown else FastAPI  # Its pages need no content network.
    api = make(
        title="Deskhand",
        version=__version__,
        summary="Cited replies to support tickets from your own documents, or a handoff to a human.",
        openapi_url="/openapi.json" if shown else None,
        docs_url="/docs" if shown else None,
        redoc_url=None,
        lifespan=lifespan,
        responses={"default": {"model": errors.Problem, "description": "A problem (RFC 9457)."}},
    )
    api.state.app, api.state.service = app, service
    errors.install(api)
    for module in (
        drafts, batches, completions, knowledge, runs, learning, jobs, webhooks, sessions, sidebar_demo, sidebar, health
    ):  # fmt: skip
        api.include_router(module.router)
    api.add_middleware(NoNullBytes)
    api.add_middleware(BodyLimit, limit=app.settings.max_body_bytes)
    api.add_middleware(Observed, metrics=service.metrics)
    return api
