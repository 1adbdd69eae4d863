"""The built file that is shipped is the one its sources make."""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from assistant.text.language import LANGUAGE_NAMES
from tests.conftest import PROJECT

SIDEBAR = PROJECT / "assistant" / "api" / "sidebar"
BUILT = SIDEBAR / "deskhand-sidebar.js"
MADE_FROM = ["build.mjs", "package.json", "package-lock.json"]


def sources_sha256() -> str:
    names = [*MADE_FROM, *(path.relative_to(SIDEBAR).as_posix() for path in (SIDEBAR / "src").rglob("*.js"))]
    digest = hashlib.sha256()
    for name in sorted(names):
        digest.update(f"{name}\0".encode() + (SIDEBAR / name).read_bytes() + b"\0")
    return digest.hexdigest()


def test_the_built_file_says_it_is_made_from_these_sources() -> None:
    said = re.search(r"sources sha256:(\w+)", BUILT.read_text("utf-8").split("\n", 1)[0])
    assert said is not None
    assert said[1] == sources_sha256(), "Fix: make sidebar"


@pytest.mark.skipif(
    not (SIDEBAR / "node_modules").is_dir() or shutil.which("node") is None,
    reason="needs Node and its packages to build the sidebar again: make sidebar-check",
)
def test_building_it_again_makes_the_same_bytes(tmp_path: Path) -> None:
    again = tmp_path / "again.js"
    subprocess.run(["node", "build.mjs", str(again)], cwd=SIDEBAR, check=True, capture_output=True)
    assert again.read_bytes() == BUILT.read_bytes()


def test_it_names_no_other_address_than_those_of_markup_and_licences() -> None:
    addresses = set(re.findall(r"https?://[\w./-]+", BUILT.read_text("utf-8")))
    assert addresses <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xhtml",
        "http://www.w3.org/1998/Math/MathML",
    }


def test_the_lock_file_has_hashes_and_no_addresses() -> None:
    packages = json.loads((SIDEBAR / "package-lock.json").read_text())["packages"]
    assert all("resolved" not in package for package in packages.values())
    assert all("integrity" in package for name, package in packages.items() if name)


def test_the_languages_it_offers_are_those_the_service_knows() -> None:
    words = (SIDEBAR / "src" / "words.js").read_text("utf-8").split("LANGUAGES = {", 1)[1].split("}", 1)[0]
    assert dict(re.findall(r"(\w\w): '(\w+)'", words)) == LANGUAGE_NAMES
