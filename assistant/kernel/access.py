"""Who may ask for what: API keys and their scopes."""

import re
from enum import StrEnum

from assistant.kernel.errors import InputError
from assistant.kernel.value import Value

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
    JOBS = "jobs"
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
