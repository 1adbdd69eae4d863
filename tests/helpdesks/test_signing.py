"""Signatures against vectors made elsewhere, and Standard Webhooks against its own package."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from assistant.adapters.helpdesks.catalogue import create_helpdesk
from assistant.adapters.helpdesks.signing import sign
from assistant.kernel.errors import ConfigurationError, InputError, Refused
from assistant.kernel.helpdesks import Connection, Delivery, HelpdeskKind
from tests.helpdesks.webhooks import recorded

BODY = b'{"say": "hello"}'
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ZENDESK = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
VECTORS = [
    (
        HelpdeskKind.ZENDESK,
        ZENDESK,
        datetime(2021, 7, 25, 10, 0, tzinfo=UTC),
        {
            "x-zendesk-webhook-signature": "gf3v0LzLRHPUnIdhbvwRDVEvzSb07/QN0GYjSNlkBT0=",
            "x-zendesk-webhook-signature-timestamp": "2021-07-25T10:00:00Z",
        },
    ),
    (
        HelpdeskKind.CHATWOOT,
        "whsec_test",
        datetime.fromtimestamp(1_700_000_000, UTC),
        {
            "x-chatwoot-signature": "sha256=a8f68fd4ea33082fa4c5e19bac09560ab80583f0e9ce6f9af1c3b5f4a1488432",
            "x-chatwoot-timestamp": "1700000000",
        },
    ),
    (
        HelpdeskKind.ZAMMAD,
        "whsec_test",
        datetime(2026, 11, 22, tzinfo=UTC),
        {"x-hub-signature": "sha1=d70686b2ef3e941d4a2dca670d39ef42bfa4bdf0"},
    ),
]


@pytest.mark.parametrize(("kind", "secret", "at", "headers"), VECTORS, ids=[str(row[0]) for row in VECTORS])
def test_the_known_signatures_hold(kind: HelpdeskKind, secret: str, at: datetime, headers: dict[str, str]) -> None:
    """The vectors' body is no ticket, so a signature that holds is shown by what is said next."""
    helpdesk = create_helpdesk(Connection(name="vectors", kind=kind, secret=secret))
    with pytest.raises(InputError):
        helpdesk.receive(Delivery(headers=headers, body=BODY, received_at=at))
    with pytest.raises(Refused):
        helpdesk.receive(Delivery(headers=headers, body=BODY + b"\n", received_at=at))


def test_zendesks_older_order_of_body_and_time_is_refused() -> None:
    reverse = hmac.new(ZENDESK.encode(), BODY + b"2021-07-25T10:00:00Z", hashlib.sha256).digest()
    headers = {**VECTORS[0][3], "x-zendesk-webhook-signature": base64.b64encode(reverse).decode()}
    helpdesk = create_helpdesk(Connection(name="vectors", kind=HelpdeskKind.ZENDESK, secret=ZENDESK))
    with pytest.raises(Refused):
        helpdesk.receive(Delivery(headers=headers, body=BODY, received_at=VECTORS[0][2]))


@given(text=st.text(max_size=200), number=st.from_regex(r"msg_[0-9a-zA-Z]{1,27}", fullmatch=True))
@settings(max_examples=50, deadline=None)
def test_outgoing_events_are_signed_as_standard_webhooks_signs(text: str, number: str) -> None:
    at = datetime.now(UTC)
    body = text.encode()
    headers = sign(SECRET, number, at, body)
    Webhook(SECRET).verify(body, headers, json_parse=False)
    assert headers["webhook-signature"] == Webhook(SECRET).sign(number, at, text)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body + b"!", headers, json_parse=False)


def _generic(secret: str = SECRET) -> Connection:
    return Connection(name="own", kind=HelpdeskKind.GENERIC, secret=secret)


def test_what_the_package_signs_is_taken() -> None:
    body, at = recorded("generic", "customer_message"), datetime(2026, 11, 22, 9, tzinfo=UTC)
    signature = Webhook(SECRET).sign("msg_1", at, body.decode())
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}
    helpdesk = create_helpdesk(_generic())
    assert helpdesk.receive(Delivery(headers=headers, body=body, received_at=at)).delivery_id == "msg_1"
    for changed in ({"webhook-id": "msg_2"}, {"webhook-timestamp": str(int(at.timestamp()) + 1)}, {"webhook-id": ""}):
        with pytest.raises(Refused):
            helpdesk.receive(Delivery(headers={**headers, **changed}, body=body, received_at=at))


def test_a_webhook_without_an_id_is_refused_though_it_is_signed() -> None:
    body, at = recorded("generic", "customer_message"), datetime(2026, 11, 22, 9, tzinfo=UTC)
    with pytest.raises(Refused):
        create_helpdesk(_generic()).receive(Delivery(headers=sign(SECRET, "", at, body), body=body, received_at=at))


@pytest.mark.parametrize("between", [" ", ", "])
def test_while_a_secret_changes_one_good_signature_of_several_is_enough(between: str) -> None:
    body, at = recorded("generic", "customer_message"), datetime(2026, 11, 22, 9, tzinfo=UTC)
    old = "whsec_b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQ="
    both = between.join(sign(secret, "msg_1", at, body)["webhook-signature"] for secret in (old, SECRET))
    headers = {**sign(SECRET, "msg_1", at, body), "webhook-signature": f"v1a,AAAA {both}"}
    sent = Delivery(headers=headers, body=body, received_at=at)
    assert create_helpdesk(_generic(SECRET)).receive(sent).about == "customer"
    assert create_helpdesk(_generic(old)).receive(sent).about == "customer"
    with pytest.raises(Refused):
        create_helpdesk(_generic("whsec_bmV3ZXI=")).receive(sent)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64!", "whsec_ключ"])
def test_a_secret_that_cannot_sign_is_a_fault_of_the_configuration(secret: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        sign(secret, "msg_1", datetime.now(UTC), b"{}")
    assert not secret.removeprefix("whsec_") or secret not in str(caught.value)


def test_freshdesks_secret_may_come_as_http_basic() -> None:
    helpdesk = create_helpdesk(Connection(name="fresh", kind=HelpdeskKind.FRESHDESK, secret=SECRET))
    at, body = datetime(2026, 11, 22, 9, tzinfo=UTC), recorded("freshdesk", "flat")

    def about(user: str, password: str) -> str:
        coded = base64.b64encode(f"{user}:{password}".encode()).decode()
        headers = {"authorization": f"Basic {coded}"}
        return helpdesk.receive(Delivery(headers=headers, body=body, received_at=at + timedelta(days=1))).about

    assert about("deskhand", SECRET) == "customer"
    assert about(SECRET, "X") == "customer"
    for user, password in (("deskhand", "guess"), ("", ""), (SECRET[:-1], SECRET + "x")):
        with pytest.raises(Refused):
            about(user, password)
