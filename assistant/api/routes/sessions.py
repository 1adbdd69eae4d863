"""Signing agents in to the sidebar: a session is a short-lived API key, so that the operator's never reaches a browser."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from assistant.api.access import app_of, requires
from assistant.api.service import Service, service_of
from assistant.kernel.access import AGENT_SCOPES, AgentSession, ApiKey, KeyScope, agent_of
from assistant.kernel.errors import InputError, Refused
from assistant.wiring import App

CODE_SESSION_MINUTES = 480
"""A working day: whoever signs in by code has no host that could renew the session."""
router = APIRouter(tags=["sidebar"])


class SessionRequest(AgentSession):
    minutes: int = Field(default=60, ge=1, le=720)


class CodeRequest(BaseModel):
    code: str = Field(min_length=1, max_length=200)


class Session(BaseModel):
    """``token`` is an API key that lives until ``expires_at``; ``url`` is the page to frame, without the token."""

    token: str
    expires_at: str
    url: str


class SessionView(BaseModel):
    """Who is signed in, and whether internal documents may be read."""

    agent: str
    connection: str
    expires_at: str | None
    internal: bool


@router.post("/v1/sidebar/sessions", status_code=201)
def create_session(
    request: Request, key: Annotated[ApiKey, Depends(requires(KeyScope.SIDEBAR))], wanted: SessionRequest
) -> Session:
    """Sign an agent in. For a helpdesk's server, which hands the token to the page it frames."""
    return mint(request, key, wanted, wanted.minutes)


@router.post("/v1/sidebar/tokens", status_code=201)
def redeem_code(request: Request, service: Annotated[Service, Depends(service_of)], given: CodeRequest) -> Session:
    """Exchange a code made by `deskhand sidebar code` for a token. It works once."""
    service.sign_ins.note(request.client.host if request.client else "")
    code = app_of(request).keys.redeem(given.code.strip(), KeyScope.SIDEBAR_CODE)
    session = agent_of(code) if code is not None else None
    if code is None or session is None:
        raise Refused(
            "the code is unknown, expired or was used before", fix="Ask for another: `deskhand sidebar code --agent …`."
        )
    return mint(request, code, session, CODE_SESSION_MINUTES)


@router.get("/v1/sidebar/session")
def read_session(key: Annotated[ApiKey, Depends(requires(KeyScope.DRAFTS))]) -> SessionView:
    """Who this token signs in."""
    session = agent_of(key)
    return SessionView(
        agent=session.agent if session else "",
        connection=session.connection if session else "",
        expires_at=key.expires_at,
        internal=KeyScope.INTERNAL in key.scopes,
    )


@router.delete("/v1/sidebar/session", status_code=204)
def end_session(request: Request, key: Annotated[ApiKey, Depends(requires(KeyScope.DRAFTS))]) -> None:
    """Sign out: the token opens nothing any more. Any other key stays as it is."""
    if agent_of(key) is None:
        raise InputError("this key is no sidebar's", fix="Use `deskhand keys revoke`.", field="Authorization")
    app_of(request).keys.revoke(key.id)


def mint(request: Request, by: ApiKey, session: AgentSession, minutes: int) -> Session:
    """A key of ``by``'s tenant with an agent's scopes; internal documents only if ``by`` may read them."""
    app: App = app_of(request)
    scopes = AGENT_SCOPES | (by.scopes & {KeyScope.INTERNAL})
    key, secret = app.keys.create(by.tenant, session.key_name, scopes, timedelta(minutes=minutes))
    query = f"?connection={session.connection}" if session.connection else ""
    return Session(token=secret, expires_at=key.expires_at or "", url=f"{request.base_url}sidebar{query}")
