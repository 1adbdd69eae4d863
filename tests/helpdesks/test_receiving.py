"""What webhooks of each vendor are taken for, from recorded bodies."""

import json
from datetime import timedelta

import pytest

from assistant.adapters.helpdesks.catalogue import create_helpdesk
from assistant.adapters.helpdesks.wire import MAX_DELIVERY_BYTES
from assistant.adapters.memory.helpdesk import MemoryHelpdesk
from assistant.kernel.errors import ConfigurationError, InputError, Refused
from assistant.kernel.helpdesks import Connection, Delivery, HelpdeskKind, Notice, Writing
from assistant.ports import Helpdesk
from tests.helpdesks.desk import SECRET, USER, FakeDesk
from tests.helpdesks.server import VENDORS
from tests.helpdesks.webhooks import NOW, PAYLOADS, recorded, signed, webhook

ALL = (*VENDORS, "generic")
TICKETS = {"zammad": "81", "chatwoot": "77", "zendesk": "5158", "freshdesk": "301", "generic": "4711"}

CUSTOMER = {
    "zammad": "customer_mail reopened_by_customer nulls_everywhere custom_body_with_article_only rails_escaped "
    "half_an_emoji",
    "chatwoot": "customer_message customer_attachment_only customer_message_status_unknown "
    "numbered_kind_and_string_ids rails_escaped",
    "zendesk": "customer_comment reopened_by_customer_int_ids ticket_created messaging_from_end_user",
    "freshdesk": "wrapped wrapped_string_id flat flat_id nested_ticket",
    "generic": "customer_message ticket_created",
}
AGENT = {
    "zammad": "agent_reply",
    "chatwoot": "agent_reply",
    "zendesk": "staff_comment messaging_from_agent",
    "freshdesk": "",
    "generic": "agent_message",
}
NOTHING = {
    ("zammad", "internal_note"): "internal note",
    ("zammad", "own_note_published"): "own user",
    ("zammad", "auto_reply"): "Zammad itself",
    ("zammad", "state_changed_without_article"): "no article",
    ("zammad", "empty_article"): "no article",
    ("chatwoot", "private_note"): "private note",
    ("chatwoot", "own_reply"): "bot's own",
    ("chatwoot", "bot_reply"): "bot's own",
    ("chatwoot", "activity"): "neither side",
    ("chatwoot", "template"): "neither side",
    ("chatwoot", "customer_message_to_a_person"): "conversation is open",
    ("chatwoot", "message_updated"): "event is message_updated",
    ("chatwoot", "conversation_resolved"): "event is conversation_resolved",
    ("chatwoot", "webwidget_triggered"): "event is webwidget_triggered",
    ("zendesk", "internal_note"): "internal note",
    ("zendesk", "status_changed"): "event is ticket.status_changed",
    ("zendesk", "tags_changed_null_event"): "event is ticket.tags_changed",
    ("zendesk", "messaging_from_the_system"): "neither side",
    ("generic", "system_message_last"): "neither side",
    ("generic", "no_messages"): "neither side",
    ("generic", "another_type"): "event is invoice.paid",
}
WRONG = {
    ("zammad", "without_ticket"): "ticket.id",
    ("zammad", "ticket_id_is_a_path"): "ticket.id",
    ("chatwoot", "without_event"): "event",
    ("chatwoot", "without_conversation"): "conversation",
    ("zendesk", "trigger_fired"): "id",
    ("zendesk", "comment_missing"): "event.comment",
    ("freshdesk", "placeholder_not_filled"): "ticket_id",
    ("freshdesk", "without_ticket"): "ticket_id",
    ("generic", "without_id"): "data",
    ("generic", "number_as_id"): "data.ticket.id",
    ("generic", "unknown_field"): "data.ticket.colour",
    ("generic", "unknown_author"): "data.ticket.messages.0.author",
    ("generic", "time_without_zone"): "timestamp",
    ("generic", "without_type"): "type",
}


def _cases(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(vendor, name) for vendor, names in table.items() for name in names.split()]


def _desk(vendor: str, **changes: object) -> Helpdesk:
    fields: dict[str, object] = {
        "name": f"our-{vendor}",
        "kind": HelpdeskKind(vendor),
        "secret": SECRET,
        "user": USER,
        **changes,
    }
    return create_helpdesk(Connection.model_validate(fields))


def _received(vendor: str, name: str) -> Notice:
    return _desk(vendor).receive(signed(vendor, recorded(vendor, name)))


@pytest.mark.parametrize(("vendor", "name"), _cases(CUSTOMER))
def test_a_customers_message_is_a_reason_to_look(vendor: str, name: str) -> None:
    notice = _received(vendor, name)
    assert (notice.about, notice.ticket_id, notice.why) == ("customer", TICKETS[vendor], "")


@pytest.mark.parametrize(("vendor", "name"), _cases(AGENT))
def test_a_persons_public_answer_is_told_apart(vendor: str, name: str) -> None:
    notice = _received(vendor, name)
    assert (notice.about, notice.ticket_id) == ("agent", TICKETS[vendor])


@pytest.mark.parametrize(("vendor", "name"), NOTHING)
def test_everything_else_is_left_alone_and_says_why(vendor: str, name: str) -> None:
    notice = _received(vendor, name)
    assert notice.about == "nothing"
    assert NOTHING[vendor, name] in notice.why


@pytest.mark.parametrize(("vendor", "name"), WRONG)
def test_what_is_not_this_vendors_names_the_field(vendor: str, name: str) -> None:
    with pytest.raises(InputError) as caught:
        _received(vendor, name)
    assert caught.value.field == WRONG[vendor, name]
    assert "router" not in str(caught.value).casefold(), "an error holds nothing of the ticket"


def test_every_recorded_body_is_used() -> None:
    known = {*_cases(CUSTOMER), *_cases(AGENT), *NOTHING, *WRONG}
    assert {(path.parent.name, path.stem) for path in PAYLOADS.rglob("*.json")} == known


def test_a_chatwoot_inbox_without_a_bot_can_be_answered_too() -> None:
    desk = _desk("chatwoot", answer_in=("pending", "open"))
    body = recorded("chatwoot", "customer_message_to_a_person")
    assert desk.receive(signed("chatwoot", body)).about == "customer"


@pytest.mark.parametrize("vendor", ALL)
def test_a_retry_has_the_same_delivery_id_and_another_message_has_not(vendor: str) -> None:
    name = CUSTOMER[vendor].split()[0]
    body = recorded(vendor, name)
    other = json.loads(body)
    if vendor == "freshdesk":
        other["freshdesk_webhook"]["ticket_latest_public_comment"] = "Ada Byron : it works again"
    if vendor == "zendesk":
        other["id"] = "01HF8J3S1DW3W0X6TTS7VTGQQZ"
    first = _desk(vendor).receive(signed(vendor, body, number="d-1"))
    again = _desk(vendor).receive(signed(vendor, body, NOW + timedelta(seconds=20), number="d-1"))
    another = _desk(vendor).receive(signed(vendor, json.dumps(other).encode(), number="d-2"))
    assert first.delivery_id == again.delivery_id != another.delivery_id


def test_freshdesks_pings_that_name_no_moment_are_never_taken_for_one_another() -> None:
    body = b'{"ticket_id": 301}'
    first = _desk("freshdesk").receive(signed("freshdesk", body))
    later = _desk("freshdesk").receive(signed("freshdesk", body, NOW + timedelta(minutes=3)))
    assert first.delivery_id != later.delivery_id


@pytest.mark.parametrize("given", ["", "x" * 5_000, "zwei Wörter", "a\nb"])
def test_a_delivery_id_that_cannot_be_kept_is_replaced_by_the_bodys_hash(given: str) -> None:
    body = recorded("zammad", "customer_mail")
    delivery = signed("zammad", body, number=given)
    number = _desk("zammad").receive(delivery).delivery_id
    assert len(number) == 64
    assert number == _desk("zammad").receive(delivery).delivery_id


@pytest.mark.parametrize("vendor", ALL)
@pytest.mark.parametrize(
    "body",
    [b"", b"not json", b"[]", b'"text"', b"null", b'{"a": "\xff\xfe"}', "{}".encode("utf-16"), b"[" * 100_000],
    ids=["empty", "words", "list", "string", "null", "not UTF-8", "UTF-16", "deep"],
)
def test_a_body_that_is_not_an_object_in_json_is_named(vendor: str, body: bytes) -> None:
    with pytest.raises(InputError) as caught:
        _desk(vendor).receive(signed(vendor, body))
    assert caught.value.field == "body"


@pytest.mark.parametrize("vendor", ALL)
def test_a_huge_body_is_not_parsed(vendor: str) -> None:
    with pytest.raises(InputError, match="more than"):
        _desk(vendor).receive(signed(vendor, b" " * (MAX_DELIVERY_BYTES + 1)))


@pytest.mark.parametrize("vendor", ALL)
def test_without_a_secret_nothing_is_accepted(vendor: str) -> None:
    body = recorded(vendor, CUSTOMER[vendor].split()[0])
    empty = Delivery(headers={}, body=body, received_at=NOW)
    for delivery in (empty, signed(vendor, body, secret="" if vendor != "generic" else SECRET)):
        with pytest.raises(ConfigurationError, match="secret"):
            _desk(vendor, secret="").receive(delivery)


@pytest.mark.parametrize("vendor", ALL)
def test_a_forged_body_is_refused_before_it_is_read(vendor: str) -> None:
    other = "whsec_b3RoZXItc2VjcmV0"
    with pytest.raises(Refused) as caught:
        _desk(vendor).receive(signed(vendor, b"\xff not even json", secret=other))
    assert SECRET not in str(caught.value) + caught.value.fix


@pytest.mark.parametrize("vendor", ["zammad", "chatwoot", "zendesk", "generic"])
def test_one_changed_byte_is_refused(vendor: str) -> None:
    body = recorded(vendor, CUSTOMER[vendor].split()[0])
    sent = signed(vendor, body)
    with pytest.raises(Refused):
        _desk(vendor).receive(sent.model_copy(update={"body": body.replace(b"offline", b"0ffline") + b" "}))


def test_a_body_that_says_the_same_in_other_bytes_is_refused() -> None:
    """Rails writes < as \\u003c: only the raw bytes are what was signed."""
    body = recorded("chatwoot", "rails_escaped")
    assert b"\\u003c" in body
    again = json.dumps(json.loads(body)).encode()
    with pytest.raises(Refused):
        _desk("chatwoot").receive(signed("chatwoot", body).model_copy(update={"body": again}))


@pytest.mark.parametrize("vendor", ["chatwoot", "zendesk", "generic"])
@pytest.mark.parametrize(("seconds", "fresh"), [(0, True), (299, True), (-299, True), (301, False), (-301, False)])
def test_a_signed_time_is_good_for_five_minutes_either_way(vendor: str, seconds: int, fresh: bool) -> None:
    sent = signed(vendor, recorded(vendor, CUSTOMER[vendor].split()[0]))
    arrived = sent.model_copy(update={"received_at": NOW + timedelta(seconds=seconds)})
    if fresh:
        assert _desk(vendor).receive(arrived).about == "customer"
    else:
        with pytest.raises(Refused, match="300 s"):
            _desk(vendor).receive(arrived)


ODD = [
    "",
    "sha1=",
    "ключ",
    "\udcff\ud800",
    "v1",
    "v1,",
    ",",
    "a, b",
    "=" * 10_000,
    "\0",
    "Basic",
    "Basic Ω",
    "Basic !!",
]


@pytest.mark.parametrize("vendor", ALL)
@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
def test_headers_of_any_kind_are_refused_without_a_crash(vendor: str, value: str) -> None:
    sent = signed(vendor, recorded(vendor, CUSTOMER[vendor].split()[0]))
    own = [name for name in sent.headers if "signature" in name or "timestamp" in name or "secret" in name]
    for name in own:
        with pytest.raises(Refused):
            _desk(vendor).receive(sent.model_copy(update={"headers": {**sent.headers, name: value}}))
    left = {name: held for name, held in sent.headers.items() if name not in own}
    with pytest.raises(Refused):
        _desk(vendor).receive(sent.model_copy(update={"headers": {**left, "authorization": value}}))


@pytest.mark.parametrize("vendor", ["zammad", "chatwoot", "zendesk"])
def test_a_signature_sent_twice_in_one_header_is_refused(vendor: str) -> None:
    sent = signed(vendor, recorded(vendor, CUSTOMER[vendor].split()[0]))
    name = next(name for name in sent.headers if name.endswith("signature"))
    twice = {**sent.headers, name: f"{sent.headers[name]}, {sent.headers[name]}"}
    with pytest.raises(Refused):
        _desk(vendor).receive(sent.model_copy(update={"headers": twice}))


def test_a_generic_helpdesk_gives_the_whole_ticket_and_takes_nothing() -> None:
    desk = _desk("generic")
    notice = desk.receive(signed("generic", recorded("generic", "customer_message")))
    assert notice.ticket is not None
    assert [message.author for message in notice.ticket.messages] == ["customer", "agent", "customer"]
    with pytest.raises(ConfigurationError, match="outgoing events"):
        desk.read("4711")
    with pytest.raises(ConfigurationError, match="outgoing events"):
        desk.write("4711", Writing(key="dh-0", note="", note_text=""))


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_test_helpdesks_send_what_the_adapters_understand(vendor: str) -> None:
    desk = FakeDesk(vendor)
    ticket_id = str(desk.add_ticket("Router offline", "My router is offline.").id)
    helpdesk = create_helpdesk(desk.connection())
    headers, body = webhook(desk, ticket_id, NOW)
    notice = helpdesk.receive(Delivery(headers=headers, body=body, received_at=NOW))
    assert (notice.about, notice.ticket_id) == ("customer", ticket_id)


def test_the_twin_in_memory_signs_its_webhooks_too() -> None:
    twin = MemoryHelpdesk()
    twin.add_ticket("1", "Router offline", "My router is offline.")
    sent = twin.delivery("1", NOW)
    assert twin.receive(sent) == twin.receive(twin.delivery("1", NOW))
    assert twin.receive(sent).about == "customer"
    changes: list[dict[str, object]] = [{"headers": {}}, {"body": sent.body + b" "}]
    for broken in changes:
        with pytest.raises(Refused):
            twin.receive(sent.model_copy(update=broken))
