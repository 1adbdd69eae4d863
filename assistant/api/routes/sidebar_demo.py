"""A page that plays the helpdesk around the sidebar. Off unless DESKHAND_SIDEBAR_DEMO is set; for this machine only."""

from datetime import timedelta
from importlib.resources import files
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from assistant.api.access import app_of
from assistant.api.routes.sessions import Session
from assistant.api.routes.sidebar import answer_with
from assistant.kernel.access import AGENT_SCOPES, AgentSession, KeyScope
from assistant.kernel.conversation import Ticket
from assistant.kernel.errors import NotFound, Refused

_LOCAL = {"127.0.0.1", "::1", "localhost"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def _here_only(request: Request) -> None:
    """Refuses callers from elsewhere, and pages of other names that resolve to this machine."""
    if app_of(request).settings.sidebar_demo is None:
        raise NotFound("there is no demo page", fix="Set DESKHAND_SIDEBAR_DEMO to a folder of tickets.")
    if (request.client and request.client.host not in _LOCAL) or request.url.hostname not in _LOCAL:
        raise Refused("the demo is for this machine only", fix="Open it as http://127.0.0.1:…/sidebar/demo.")


router = APIRouter(include_in_schema=False, dependencies=[Depends(_here_only)])


@router.get("/sidebar/demo")
def demo() -> HTMLResponse:
    page = files("assistant.api").joinpath("sidebar", "demo.html").read_text("utf-8")
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})


@router.get("/sidebar/demo/files/{name}")
def demo_file(name: str, if_none_match: Annotated[str, Header()] = "") -> Response:
    return answer_with(name, ("demo.js", "demo.css"), if_none_match)


@router.get("/sidebar/demo/tickets")
def demo_tickets(request: Request) -> list[dict[str, Any]]:
    """The sample tickets, by file name; files that are no tickets are left out."""
    folder = app_of(request).settings.sidebar_demo
    tickets = []
    for path in sorted(folder.expanduser().glob("*.json")) if folder else ():
        try:
            tickets.append(Ticket.model_validate_json(path.read_bytes()).model_dump(mode="json"))
        except (ValidationError, OSError):
            continue
    return tickets


@router.post("/sidebar/demo/session", status_code=201)
def demo_session(request: Request) -> Session:
    """A token for the demo's agent, internal documents included, so that their warning can be seen."""
    session = AgentSession(agent="Demo agent", connection="demo")
    scopes = AGENT_SCOPES | {KeyScope.INTERNAL}
    key, secret = app_of(request).keys.create("default", session.key_name, scopes, timedelta(hours=8))
    return Session(token=secret, expires_at=key.expires_at or "", url=f"{request.base_url}sidebar")
