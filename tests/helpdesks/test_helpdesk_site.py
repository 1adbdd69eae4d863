"""The site the other tests and the demo use: what an agent's browser gets from it."""

import re
from collections.abc import Iterator

import httpx2
import pytest

from tests.helpdesk_site.running import RunningHelpdesk, running_helpdesk

SIDEBAR = "http://127.0.0.1:8030/sidebar?connection=demo"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHelpdesk]:
    with running_helpdesk(tmp_path_factory.mktemp("helpdesk"), "", sidebar=SIDEBAR) as running:
        yield running


@pytest.fixture(scope="module")
def ticket_id(site: RunningHelpdesk) -> int:
    number = site.create_ticket("E4 on display", "My Duo shows </script> E4.", "sam@customers.example")
    site.agent_writes(number, "Is the tank seated?")
    site.agent_writes(number, "He is a regular.", public=False)
    return number


def test_a_ticket_page_needs_nothing_from_elsewhere(site: RunningHelpdesk, ticket_id: int) -> None:
    with site.browser() as browser:
        page = browser.get(f"/tickets/{ticket_id}/")
        loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="([^"]+)"', page.text)
        assert len(loaded) > 5
        assert {url: browser.get(url).status_code for url in loaded if browser.get(url).status_code != 200} == {}
    assert not [url for url in loaded if not url.startswith("/")]


def test_the_sidebar_stands_beside_a_ticket_for_agents_only(site: RunningHelpdesk, ticket_id: int) -> None:
    path = f"/side-by-side/{ticket_id}/"
    assert "/login/" in httpx2.get(site.url + path).headers["Location"]
    with site.browser() as browser:
        page = browser.get(path)
    assert re.findall(r'<iframe[^>]+src="([^"]+)"', page.text) == [f"/tickets/{ticket_id}/", SIDEBAR]
    assert page.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "Is the tank seated?" in page.text
    assert "He is a regular." not in page.text
    assert "</script> E4" not in page.text
