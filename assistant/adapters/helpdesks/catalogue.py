"""Which adapter speaks with which kind of helpdesk."""

from typing import assert_never

from assistant.adapters.helpdesks.chatwoot import ChatwootHelpdesk
from assistant.adapters.helpdesks.django_helpdesk import DjangoHelpdesk
from assistant.adapters.helpdesks.freshdesk import FreshdeskHelpdesk
from assistant.adapters.helpdesks.generic import GenericHelpdesk
from assistant.adapters.helpdesks.zammad import ZammadHelpdesk
from assistant.adapters.helpdesks.zendesk import ZendeskHelpdesk
from assistant.kernel.helpdesks import Connection, HelpdeskKind
from assistant.ports import Helpdesk


def create_helpdesk(connection: Connection) -> Helpdesk:
    """The helpdesk of this connection. Nothing is sent yet. Raises ConfigurationError."""
    match connection.kind:
        case HelpdeskKind.ZAMMAD:
            return ZammadHelpdesk(connection)
        case HelpdeskKind.CHATWOOT:
            return ChatwootHelpdesk(connection)
        case HelpdeskKind.ZENDESK:
            return ZendeskHelpdesk(connection)
        case HelpdeskKind.FRESHDESK:
            return FreshdeskHelpdesk(connection)
        case HelpdeskKind.GENERIC:
            return GenericHelpdesk(connection)
        case HelpdeskKind.DJANGO_HELPDESK:
            return DjangoHelpdesk(connection)
    assert_never(connection.kind)
