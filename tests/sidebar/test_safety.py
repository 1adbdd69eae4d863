"""Documents and tickets are untrusted: whatever stands in them runs nothing, loads nothing and fools no eye."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from assistant.kernel.knowledge import Audience
from ingest.load import load, root_key
from ingest.pipeline import ingest
from ingest.wiring import create_ingest
from tests.sidebar.conftest import Opened, Site, copying
from tests.sidebar.states import ready

pytestmark = pytest.mark.models
HOSTILE = """# Parcel insurance <img src=x onerror=alert(1)>

The parcel insurance covers loss up to 500 pounds <script>alert('title')</script> for <img src="https://evil.example/p.png?q=1" onerror="alert(2)"> every order.
Claims for parcel insurance are made on [our claims page](javascript:alert(3)) or ![here](https://evil.example/pixel.png) within 14 days.
Read the [insurance terms](https://terms.example/parcel) before \u202eyou claim\u202c parcel\u200b insurance.

<iframe src="https://evil.example/"></iframe><svg onload="alert(4)"></svg><style>@import url(https://evil.example/x.css)</style>

[1]: https://evil.example/ref.png
![reference][1]
"""
ASKED = {
    "id": "<img src=x onerror=alert(5)>",
    "subject": "<script>alert(6)</script> insurance \u202etxt",
    "messages": [
        {"author": "customer", "text": "What does the parcel insurance cover? <img src=https://evil.example/t.png>"}
    ],
}


@pytest.fixture
def hostile_document(site: Site, tmp_path: Path) -> Iterator[None]:
    path = tmp_path / "parcel-insurance.txt"
    path.write_text(HOSTILE)
    ingest(load(path), "default", Audience.PUBLIC, create_ingest(site.app), roots=[])
    yield
    path.unlink()
    ingest(load(tmp_path), "default", Audience.PUBLIC, create_ingest(site.app), roots=[root_key(tmp_path)])


@pytest.mark.usefixtures("hostile_document")
def test_a_hostile_document_neither_runs_nor_loads_anything(opened: Opened, site: Site) -> None:
    """That nothing was asked for elsewhere, no dialog came and no rule was broken is asserted by ``opened``."""

    def quoting(messages: object) -> str:
        return (
            "The parcel insurance covers loss up to 500 pounds <img src=x onerror=alert(2)> for every order [1]. "
            "Read the [insurance terms](https://terms.example/parcel) before you claim parcel insurance [1]."
        )

    site.says(quoting)
    sidebar = opened()
    ready(sidebar, ASKED)
    sidebar.draft()
    frame = sidebar.frame
    expect(frame.get_by_role("button", name="Insert", exact=True)).to_be_visible()
    for button in frame.locator(".source > h3 > button").all():
        if button.is_visible() and button.get_attribute("aria-expanded") == "false":
            button.click()
    expect(frame.locator(".passage").filter(has_text="evil.example").first).to_be_visible()
    assert frame.locator("img, script:not([src]), iframe, svg[onload], style, [onerror]").count() == 0
    for link in frame.locator("a").all():
        assert str(link.get_attribute("href")).startswith(("https://", "http://"))
        assert link.get_attribute("rel") == "noopener noreferrer nofollow"
    expect(frame.locator(".draft")).to_contain_text("insurance terms (terms.example)")
    shown = frame.locator("main").inner_text()
    assert "\u202e" not in frame.locator(".passage").first.inner_text()
    assert "<script>alert(6)</script>" in shown
    frame.get_by_role("button", name="Insert", exact=True).click()
    (inserted,) = sidebar.wait_for("insert")
    assert "<img" not in inserted["html"]
    assert "&lt;img" in inserted["html"]
    frame.get_by_role("tab", name="Search").click()
    frame.get_by_role("searchbox").fill("parcel insurance")
    frame.get_by_role("button", name="Search").click()
    frame.locator("#panel-search .source button").first.click()
    frame.get_by_role("button", name="Insert quote").click()
    assert "<img" not in sidebar.wait_for("insert", 2)[1]["html"]


def test_the_policy_stops_what_would_get_past_the_other_walls(opened: Opened, site: Site) -> None:
    sidebar = opened()
    ready(sidebar)
    blocked = sidebar.frame.evaluate(
        """async () => {
             const stopped = [];
             document.addEventListener('securitypolicyviolation', (event) => stopped.push(event.effectiveDirective));
             const image = new Image();
             image.src = 'http://127.0.0.1:9/pixel.png';
             document.body.append(image);
             try { document.body.insertAdjacentHTML('beforeend', '<p onclick="alert(1)">x</p>'); } catch { stopped.push('trusted types'); }
             await fetch('http://127.0.0.1:9/leak').catch(() => {});
             await new Promise((done) => setTimeout(done));
             return stopped;
           }"""
    )
    assert {"img-src", "connect-src", "trusted types"} <= set(blocked)
    sidebar.complaints.clear()


def test_a_draft_may_be_copied_but_never_with_marks_that_turn_words_around(opened: Opened, site: Site) -> None:
    site.says(lambda messages: copying(messages).split("|")[0].replace("water", "\u202ewater\u202c\u200b", 1))
    sidebar = opened()
    ready(sidebar)
    sidebar.draft()
    sidebar.frame.get_by_role("button", name="Insert", exact=True).click()
    (inserted,) = sidebar.wait_for("insert")
    assert "water" in inserted["text"]
    assert not {"\u202e", "\u202c", "\u200b"} & set(inserted["text"] + inserted["html"])
