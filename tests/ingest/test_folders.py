"""Folders and Git checkouts: which files are read, and where their readers are led."""

import subprocess
from pathlib import Path

import pytest
from dulwich.index import Index

from assistant.kernel.errors import InputError
from assistant.kernel.knowledge import Problem
from ingest.load import load
from ingest.sources.source import Source


def names(path: Path) -> list[str]:
    return [item.name for item in load(path) if isinstance(item, Source)]


def git(folder: Path, *words: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@shop.example", *words],
        cwd=folder,
        check=True,
        capture_output=True,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "größe.md").write_text("# Sizes\n\nThree.")
    (tmp_path / "README.md").write_text("# Docs\n\nRead them.")
    (tmp_path / ".gitignore").write_text("build/\n")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "copy.md").write_text("A copy.")
    git(tmp_path, "add", ".")
    (tmp_path / "draft.md").write_text("Not added yet.")
    return tmp_path


def test_of_a_checkout_what_is_tracked_is_read(checkout: Path) -> None:
    (checkout / "docs" / "secret.md").write_text("Not added.")
    assert names(checkout) == ["README.md", "docs/größe.md"]
    assert names(checkout / "docs") == ["größe.md"]


def test_a_folder_of_which_nothing_is_tracked_is_a_folder(checkout: Path) -> None:
    (checkout / "own").mkdir()
    (checkout / "own" / "a.md").write_text("Text.")
    assert names(checkout / "own") == ["a.md"]


def test_a_submodule_or_second_work_tree_is_a_checkout(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other") / "tree"
    git(checkout, "commit", "--quiet", "-m", "all")
    git(checkout, "worktree", "add", "--quiet", str(other))
    (other / "draft.md").write_text("Not added.")
    assert names(other) == ["README.md", "docs/größe.md"]


def test_a_file_that_is_tracked_but_gone_is_passed_over(checkout: Path) -> None:
    (checkout / "README.md").unlink()
    assert names(checkout) == ["docs/größe.md"]


def test_a_checkout_cannot_have_a_program_run(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = checkout / "evil.sh"
    program.write_text(f"#!/bin/sh\ntouch {checkout}/ran\n")
    program.chmod(0o755)
    for setting in ("core.fsmonitor", "core.sshCommand", "core.pager", "diff.external"):
        git(checkout, "config", setting, str(program))
    monkeypatch.setenv("PATH", str(checkout))
    assert names(checkout) == ["README.md", "docs/größe.md"]
    assert not (checkout / "ran").exists()


def test_an_index_that_leads_out_of_its_checkout_is_not_followed(checkout: Path) -> None:
    (checkout.parent / "secret.md").write_text("The password of the boss.")
    index = Index(str(checkout / ".git" / "index"))
    index[b"../secret.md"] = index[b"/etc/secret.md"] = index[b"README.md"]
    index.write()
    (checkout / "docs" / "out").symlink_to(checkout.parent)
    index[b"docs/out/secret.md"] = index[b"README.md"]
    index.write()
    found = list(load(checkout))
    assert [item.name for item in found if isinstance(item, Source)] == ["README.md", "docs/größe.md"]
    assert [(item.name, item.reason) for item in found if isinstance(item, Problem)] == [
        ("docs/out/secret.md", "a link that leads out of the folder")
    ]


def test_what_is_tracked_must_be_known(checkout: Path) -> None:
    (checkout / ".git" / "index").write_bytes(b"no index")
    with pytest.raises(InputError, match="tracks cannot be read"):
        names(checkout)


def test_what_only_looks_like_a_checkout_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: /nowhere")
    (tmp_path / "a.md").write_text("Text.")
    assert names(tmp_path) == ["a.md"]


def test_readers_are_led_below_a_base_address(checkout: Path) -> None:
    urls = [item.url for item in load(checkout, "https://docs.shop.example/v2") if isinstance(item, Source)]
    assert urls == ["https://docs.shop.example/v2/README.md", "https://docs.shop.example/v2/docs/gr%C3%B6%C3%9Fe.md"]
