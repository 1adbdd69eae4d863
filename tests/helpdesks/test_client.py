"""What every helpdesk's client does when a server answers in a way nobody documented."""

from collections.abc import Iterator

import pytest

from assistant.adapters.helpdesks.http import MAX_RESPONSE_BYTES
from assistant.adapters.helpdesks.zammad import ZammadHelpdesk
from assistant.kernel.errors import ConfigurationError, InputError
from assistant.kernel.helpdesks import Writing
from tests.helpdesks.desk import FakeDesk
from tests.helpdesks.server import running

WRITING = Writing(key="dh-0123456789abcdef", note="<p>dh-0123456789abcdef</p>", note_text="dh-0123456789abcdef")


@pytest.fixture
def desk() -> Iterator[FakeDesk]:
    with running("zammad") as desk:
        yield desk


def test_a_redirect_carries_no_token_to_another_address(desk: FakeDesk) -> None:
    ticket = desk.add_ticket("Invoice", "Where is my invoice?")
    with running("zammad") as elsewhere:
        desk.answer_next(302, {"Location": f"{elsewhere.url}/api/v1/tickets/{ticket.id}"})
        with pytest.raises(ConfigurationError, match="302"):
            ZammadHelpdesk(desk.connection()).read(str(ticket.id))
        assert elsewhere.requests == []


def test_an_answer_of_another_shape_names_the_field(desk: FakeDesk) -> None:
    ticket = desk.add_ticket("Invoice", "Where is my invoice?")
    desk.answer_next(200)
    with pytest.raises(InputError) as caught:
        ZammadHelpdesk(desk.connection()).read(str(ticket.id))
    assert caught.value.field == "id"


def test_an_answer_without_end_is_not_taken_into_memory(desk: FakeDesk) -> None:
    ticket = desk.add_ticket("Invoice", "x" * (MAX_RESPONSE_BYTES + 1))
    with pytest.raises(InputError, match="too many bytes"):
        ZammadHelpdesk(desk.connection()).read(str(ticket.id))


def test_a_refused_note_says_what_refused_it_and_not_what_was_in_it(desk: FakeDesk) -> None:
    ticket = desk.add_ticket("Invoice", "Where is my invoice?")
    desk.answer_next(422)
    with pytest.raises(InputError) as caught:
        ZammadHelpdesk(desk.connection()).write(str(ticket.id), WRITING)
    assert "our-zammad" in str(caught.value)
    assert "POST api/v1/ticket_articles" in str(caught.value)
    assert WRITING.key not in str(caught.value)


def test_the_address_may_have_a_path_of_its_own(desk: FakeDesk) -> None:
    helpdesk = ZammadHelpdesk(desk.connection(url=f"{desk.url}/support/"))
    with pytest.raises(InputError):
        helpdesk.read("4001")
    assert [call.path for call in desk.requests] == ["/support/api/v1/tickets/4001"]
