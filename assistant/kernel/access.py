"""Who may ask for what: API keys and their scopes."""

from enum import StrEnum

from assistant.kernel.value import Value


class KeyScope(StrEnum):
    DRAFTS = "drafts"
    SUMMARIES = "summaries"
    SEARCH = "search"
    DOCUMENTS = "documents"
    FEEDBACK = "feedback"
    RUNS = "runs"
    INTERNAL = "internal"
    """May also read internal documents, and cite them when the request asks for it."""


class ApiKey(Value):
    """A key without its secret. The tenant comes from here and from nowhere else."""

    id: str
    prefix: str
    tenant: str
    name: str
    scopes: frozenset[KeyScope]
    expires_at: str | None
    revoked: bool
