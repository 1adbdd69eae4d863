"""Who may ask for what: API keys and their scopes."""

import re
from datetime import UTC, datetime
from enum import StrEnum

from pydantic import Field

from assistant.kernel.errors import InputError
from assistant.kernel.value import Value

_SESSION = re.compile(r"sidebar ([a-z0-9_-]{0,39})/([^/]{1,50})")
_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def check_tenant(name: str) -> str:
    """``name`` if it may name a tenant, and so a folder. Raises InputError."""
    if not _TENANT.fullmatch(name):
        raise InputError(
            f"{name!r} cannot name a tenant",
            fix="Use up to 63 small letters, digits, - and _, beginning with a letter or digit.",
            field="tenant",
        )
    return name


class KeyScope(StrEnum):
    DRAFTS = "drafts"
    SUMMARIES = "summaries"
    SEARCH = "search"
    DOCUMENTS = "documents"
    FEEDBACK = "feedback"
    RUNS = "runs"
    BATCHES = "batches"
    """May have many tickets summarised, those of the tenant's helpdesks too."""
    JOBS = "jobs"
    MODELS = "models"
    """May have the models themselves write, as other programs do over OpenAI's API: no documents, no checks."""
    INTERNAL = "internal"
    """May also read internal documents, and cite them when the request asks for it."""
    SIDEBAR = "sidebar"
    """May make short-lived keys for agents' sidebars."""
    SIDEBAR_CODE = "sidebar_code"
    """Opens nothing; may be exchanged once for a sidebar's key."""


USUAL_SCOPES = frozenset(KeyScope) - {KeyScope.INTERNAL, KeyScope.SIDEBAR_CODE}
"""What a key may do when nobody says."""
AGENT_SCOPES = frozenset({KeyScope.DRAFTS, KeyScope.SUMMARIES, KeyScope.SEARCH, KeyScope.FEEDBACK})
"""What an agent's sidebar may do; internal documents come on top when whoever let it in may read them."""


class ApiKey(Value):
    """A key without its secret. The tenant comes from here and from nowhere else."""

    id: str
    prefix: str
    tenant: str
    name: str
    scopes: frozenset[KeyScope]
    expires_at: str | None
    revoked: bool

    def expired(self, now: datetime) -> bool:
        """Whether its time is over at ``now``. A stored time without a zone is UTC."""
        if self.expires_at is None:
            return False
        until = datetime.fromisoformat(self.expires_at)
        return (until if until.tzinfo else until.replace(tzinfo=UTC)) <= now


class AgentSession(Value):
    """Whose sidebar a key opens. It is kept in the key's name, so that a session is a key and nothing else."""

    agent: str = Field(min_length=1, max_length=50, pattern=r"^[^/\x00-\x1f]+$")
    connection: str = Field(default="", pattern=r"^([a-z0-9][a-z0-9_-]{0,38})?$")

    @property
    def key_name(self) -> str:
        return f"sidebar {self.connection}/{self.agent}"


def agent_of(key: ApiKey) -> AgentSession | None:
    """The agent a sidebar's key was made for; None for any other key."""
    match = _SESSION.fullmatch(key.name)
    return AgentSession(connection=match[1], agent=match[2]) if match else None
