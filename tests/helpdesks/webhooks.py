"""Webhooks as the vendors send them: recorded bodies, signed here the way each vendor signs."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from assistant.kernel.helpdesks import Delivery
from tests.helpdesks.desk import SECRET, START, FakeDesk, FakeEntry, FakeTicket

PAYLOADS = Path(__file__).parent / "payloads"
NOW = START


def recorded(vendor: str, name: str) -> bytes:
    return (PAYLOADS / vendor / f"{name}.json").read_bytes()


def signed(vendor: str, body: bytes, at: datetime = NOW, secret: str = SECRET, number: str = "d-1") -> Delivery:
    """``body`` on its way from this vendor, signed at ``at`` and just arrived."""
    return Delivery(headers=headers_of(vendor, body, at, secret, number), body=body, received_at=at)


def headers_of(vendor: str, body: bytes, at: datetime, secret: str = SECRET, number: str = "d-1") -> dict[str, str]:
    return _SIGNERS[vendor](body, at, secret, number)


def webhook(
    desk: FakeDesk, ticket_id: str, at: datetime, number: str = "", entry_id: str = ""
) -> tuple[dict[str, str], bytes]:
    """Headers and body of what this helpdesk posts about an entry of a ticket, the newest unless it is named."""
    ticket = desk.ticket(ticket_id)
    entry = next(e for e in reversed(ticket.entries) if entry_id in {"", str(e.id)})
    number = number or f"delivery-{entry.id}"
    body = json.dumps(_BODIES[desk.vendor](ticket, entry, number)).encode()
    return headers_of(desk.vendor, body, at, SECRET, number), body


def _mac(secret: str, signed_bytes: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.new(secret.encode(), signed_bytes, getattr(hashlib, algorithm)).digest()


def _zammad(body: bytes, at: datetime, secret: str, number: str) -> dict[str, str]:
    return {
        "x-hub-signature": f"sha1={_mac(secret, body, 'sha1').hex()}",
        "x-zammad-trigger": "Tell the assistant",
        "x-zammad-delivery": number,
    }


def _chatwoot(body: bytes, at: datetime, secret: str, number: str) -> dict[str, str]:
    timestamp = str(int(at.timestamp()))
    signature = _mac(secret, timestamp.encode() + b"." + body).hex()
    return {
        "x-chatwoot-signature": f"sha256={signature}",
        "x-chatwoot-timestamp": timestamp,
        "x-chatwoot-delivery": number,
    }


def _zendesk(body: bytes, at: datetime, secret: str, number: str) -> dict[str, str]:
    timestamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    signature = base64.b64encode(_mac(secret, timestamp.encode() + body)).decode()
    return {
        "x-zendesk-webhook-signature": signature,
        "x-zendesk-webhook-signature-timestamp": timestamp,
        "x-zendesk-webhook-invocation-id": number,
    }


def _freshdesk(body: bytes, at: datetime, secret: str, number: str) -> dict[str, str]:
    return {"x-deskhand-secret": secret, "content-type": "application/json"}


def _generic(body: bytes, at: datetime, secret: str, number: str) -> dict[str, str]:
    timestamp = str(int(at.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{number}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": number,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


_SIGNERS: dict[str, Callable[[bytes, datetime, str, str], dict[str, str]]] = {
    "zammad": _zammad,
    "chatwoot": _chatwoot,
    "zendesk": _zendesk,
    "freshdesk": _freshdesk,
    "generic": _generic,
}


def _zammad_body(ticket: FakeTicket, entry: FakeEntry, number: str) -> dict[str, Any]:
    article = {
        "id": entry.id,
        "ticket_id": ticket.id,
        "sender": entry.author.capitalize(),
        "internal": not entry.public,
        "type": ticket.channel,
        "body": entry.body,
        "content_type": "text/html",
        "attachments": [],
    }
    return {"ticket": {"id": ticket.id, "title": ticket.subject, "state": ticket.status}, "article": article}


def _chatwoot_body(ticket: FakeTicket, entry: FakeEntry, number: str) -> dict[str, Any]:
    return {
        "event": "message_created",
        "id": entry.id,
        "content": entry.body,
        "message_type": "incoming" if entry.author == "customer" else "outgoing",
        "private": not entry.public,
        "sender": {"id": 5, "name": "Ada", "type": "contact" if entry.author == "customer" else "user"},
        "conversation": {"id": ticket.id, "status": ticket.status, "labels": ticket.tags, "meta": {}},
    }


def _zendesk_body(ticket: FakeTicket, entry: FakeEntry, number: str) -> dict[str, Any]:
    staff = entry.author != "customer"
    comment = {"id": str(entry.id), "body": entry.body, "is_public": entry.public, "author": {"is_staff": staff}}
    return {
        "type": "zen:event-type:ticket.comment_added",
        "id": number,
        "detail": {"id": str(ticket.id), "subject": ticket.subject, "status": ticket.status.upper()},
        "event": {"comment": comment},
    }


def _freshdesk_body(ticket: FakeTicket, entry: FakeEntry, number: str) -> dict[str, Any]:
    return {"freshdesk_webhook": {"ticket_id": ticket.id, "ticket_updated_at": ticket.updated_at}}


_BODIES: dict[str, Callable[[FakeTicket, FakeEntry, str], dict[str, Any]]] = {
    "zammad": _zammad_body,
    "chatwoot": _chatwoot_body,
    "zendesk": _zendesk_body,
    "freshdesk": _freshdesk_body,
}
