"""``deskhand ingest`` of a web site, and again and again."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_commands import deskhand
from tests.conftest import PROJECT
from tests.web_site import WebSite

pytestmark = pytest.mark.models


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {"DESKHAND_DATA_DIR": str(tmp_path / "data"), "COLUMNS": "120"}


@pytest.fixture
def site() -> Iterator[WebSite]:
    site = WebSite()
    site.has(
        "/",
        '<h1>Returns</h1><p>You may return a machine within thirty days.</p><a href="/parcels">Parcels</a>',
        ETag='"1"',
    )
    site.has("/parcels", "<h1>Parcels</h1><p>Parcels leave our warehouse at nine every morning.</p>", ETag='"2"')
    yield site
    site.server.shutdown()
    site.server.server_close()


def test_a_web_site_is_read_and_the_next_time_only_asked_what_changed(
    environment: dict[str, str], site: WebSite
) -> None:
    command = ("ingest", f"{site.url}/", "--private-host", "127.0.0.1", "--rate", "100")
    first = deskhand(environment, *command)
    assert (first.returncode, first.stdout.split(";")[0]) == (0, "2 added, 0 changed, 0 unchanged, 0 deleted"), (
        first.stderr
    )
    site.asked.clear()
    again = deskhand(environment, *command)
    assert again.stdout.startswith("0 added, 0 changed, 2 unchanged, 0 deleted")
    assert {headers.get("If-None-Match") for path, headers in site.asked if path in ("/", "/parcels")} == {'"1"', '"2"'}
    found = deskhand(environment, "search", "when do parcels leave")
    assert f"{site.url}/parcels" in found.stdout


def test_a_site_within_the_network_is_refused_with_a_way_out(environment: dict[str, str], site: WebSite) -> None:
    done = deskhand(environment, "ingest", f"{site.url}/")
    assert done.returncode == 3
    assert "not public" in done.stdout
    assert "--private-host" in done.stdout
    assert site.asked == []


def test_it_goes_on_until_it_is_stopped(environment: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("# Returns\n\nWithin thirty days.")
    command = [sys.executable, "-m", "assistant.cli.main", "ingest", str(folder), "--every", "3s"]
    with subprocess.Popen(command, env=environment, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        told = [running.stdout.readline() for _ in range(4)]
        assert running.poll() is None
        running.terminate()
    assert [line.split(",")[0].split(" ", 1)[-1] for line in told[::2]] == ["added", "added"]
    assert (told[0][0], told[2][0]) == ("1", "0")
    assert told[1].startswith("Snapshot")
