"""Every state, light and dark, at 320 and 480 px: nothing axe-core finds wrong, and nothing wider than the panel."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.sidebar.conftest import Opened
from tests.sidebar.states import STATES

pytestmark = pytest.mark.models


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 480])
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_wrong(opened: Opened, state: str, width: int, scheme: str) -> None:
    sidebar = opened(width=width, scheme=scheme, reduced_motion="reduce")
    STATES[state](sidebar)
    found: Any = Axe().run(sidebar.frame)
    wrong = {item["id"]: [node["html"][:120] for node in item["nodes"]] for item in found.response["violations"]}
    assert wrong == {}
    overflow = sidebar.frame.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
