"""The connections file: which helpdesks this service works with, and who is told of events.

TOML, a table a connection; a token or secret may be ``"file:/path"``, read when the service starts::

    [helpdesks.acme]
    kind = "zammad"                     # zammad, chatwoot, zendesk, freshdesk, django-helpdesk or generic
    tenant = "default"                  # whose documents answer
    url = "https://support.acme.example"
    token = "file:/run/secrets/zammad-token"
    secret = "…"                        # what its webhooks are signed with
    handoff_group = "Second level"      # who gets what a person must answer; empty: nobody is assigned
    origins = ["https://support.acme.example"]   # pages that may show the sidebar

    [teams.Billing]                     # proposed for handoffs that are near to what it is about; the name of a group there
    tenant = "default"
    about = ["I was charged twice", "Where do I find my invoice?"]

    [events.crm]
    url = "https://crm.acme.example/hooks/deskhand"
    secret = "whsec_…"                  # Standard Webhooks
    types = ["draft.ready", "handoff.created", "batch.finished"]
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from assistant.kernel.access import check_tenant
from assistant.kernel.errors import ConfigurationError, InputError
from assistant.kernel.helpdesks import Connection, Team
from assistant.kernel.outgoing import Receiver
from assistant.kernel.value import Value

Made = TypeVar("Made", Connection, Receiver, Team)
_SECRET = ("token", "secret")


class Connections(Value):
    helpdesks: dict[str, Connection] = Field(default_factory=dict)
    receivers: tuple[Receiver, ...] = ()
    teams: tuple[Team, ...] = ()


def load_connections(path: Path | None) -> Connections:
    """What the file says; nothing when there is none. Raises ConfigurationError that names table and field."""
    if path is None:
        return Connections()
    try:
        given = tomllib.loads(path.expanduser().read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(
            f"the connections file {path} cannot be read: {error}", fix="See assistant/connections.py for its form."
        ) from error
    unknown = sorted(set(given) - {"helpdesks", "events", "teams"})
    if unknown:
        raise ConfigurationError(
            f"the connections file has unknown tables: {', '.join(unknown)}",
            fix="It may have [helpdesks.…], [teams.…] and [events.…].",
        )
    helpdesks = [_made(Connection, "helpdesks", name, table) for name, table in given.get("helpdesks", {}).items()]
    receivers = [_made(Receiver, "events", name, table) for name, table in given.get("events", {}).items()]
    teams = [_made(Team, "teams", name, table) for name, table in given.get("teams", {}).items()]
    return Connections(
        helpdesks={made.name: made for made in helpdesks}, receivers=tuple(receivers), teams=tuple(teams)
    )


def _made(kind: type[Made], section: str, name: str, table: Mapping[str, Any]) -> Made:
    try:
        values = {key: _read(value) if key in _SECRET else value for key, value in table.items()}
        made = kind.model_validate({"name": name, **values})
        check_tenant(made.tenant)
        return made
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    except (AttributeError, InputError, OSError) as error:
        wrong = str(error)
    raise ConfigurationError(
        f"[{section}.{name}] in the connections file is not valid: {wrong}",
        fix="See assistant/connections.py for its form.",
    )


def _read(value: object) -> object:
    """A secret itself, or the content of the file it names."""
    if isinstance(value, str) and value.startswith("file:"):
        return Path(value.removeprefix("file:")).read_text("utf-8").strip()
    return value
