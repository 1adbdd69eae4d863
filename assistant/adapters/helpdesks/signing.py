"""Signatures of webhooks, coming in and going out, always over the raw bytes and compared in constant time.

Going out follows Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks, version 1): the
HMAC-SHA256 of ``id.timestamp.body`` under a secret written ``whsec_<base64>``.
"""

import base64
import binascii
import hmac
import math
from datetime import datetime

from assistant.kernel.errors import ConfigurationError, Refused
from assistant.kernel.helpdesks import Connection, Delivery

REPLAY_WINDOW_S = 300.0
"""How far a signed time may lie from the arrival, before or after: the tolerance Standard Webhooks names."""
_PREFIX = "whsec_"


def secret_of(connection: Connection) -> str:
    """The secret that signs this connection's webhooks. Raises ConfigurationError: unsigned is never accepted."""
    if not connection.secret:
        raise ConfigurationError(
            f"helpdesk {connection.name!r} has no secret, so its webhooks cannot be told from forged ones",
            fix="Give secret in the connections file the value that the helpdesk signs with.",
        )
    return connection.secret


def same(expected: str, given: str) -> bool:
    """Whether two secrets or signatures are equal, in constant time. ``given`` may hold any characters."""
    return hmac.compare_digest(expected.encode("utf-8", "replace"), given.encode("utf-8", "replace"))


def signature_of(secret: bytes, *parts: bytes, algorithm: str = "sha256") -> bytes:
    """The HMAC of the parts, one after the other."""
    return hmac.new(secret, b"".join(parts), algorithm).digest()


def check_signature(connection: Connection, header: str, *, right: bool) -> None:
    """Raises Refused unless ``right``."""
    if not right:
        raise Refused(
            f"the signature in {header} is missing or wrong for helpdesk {connection.name!r}",
            fix="Compare secret in the connections file with the helpdesk's; proxies must pass the body unchanged.",
        )


def check_time(connection: Connection, header: str, signed_at: float, delivery: Delivery) -> None:
    """Raises Refused for a time, in seconds since 1970, too far from the arrival: it may be a replay."""
    away = signed_at - delivery.received_at.timestamp()
    if not math.isfinite(away) or abs(away) > REPLAY_WINDOW_S:
        raise Refused(
            f"the time in {header} is more than {REPLAY_WINDOW_S:.0f} s from now, for helpdesk {connection.name!r}",
            fix="Check the clocks of both machines.",
        )


def unix_time(connection: Connection, header: str, value: str) -> float:
    """Seconds since 1970 as a header gives them. Raises Refused for anything else."""
    if not (value.isascii() and value.isdigit() and len(value) <= 12):
        raise Refused(f"{header} is not a time in seconds since 1970, for helpdesk {connection.name!r}")
    return float(value)


def key_bytes(secret: str) -> bytes:
    """The key in a Standard Webhooks secret. Raises ConfigurationError."""
    coded = secret.removeprefix(_PREFIX).rstrip("=")
    try:
        key = base64.b64decode(coded + "=" * (-len(coded) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ConfigurationError(
            "a webhook secret is not whsec_ and base64", fix='Make one with: echo "whsec_$(openssl rand -base64 24)"'
        )
    return key


def sign(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The Standard Webhooks headers of an outgoing event. ``at`` knows its time zone. Raises ConfigurationError."""
    timestamp = str(math.floor(at.timestamp()))
    digest = signature_of(key_bytes(secret), f"{message_id}.{timestamp}.".encode(), body)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
