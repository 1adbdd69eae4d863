"""What is written beside the code is true of the code: settings, schema, deployment files, README, changelog."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from assistant import __version__
from assistant.adapters.store.database import migrate, open_database
from assistant.adapters.store.tables import Base
from assistant.config import Settings, env_example
from assistant.kernel.jobs import Lane
from assistant.policies import load_policy
from assistant.prompts import load_prompt
from tests.conftest import PROJECT


def test_the_example_of_settings_is_the_settings() -> None:
    assert (PROJECT / "deploy" / "env.example").read_text() == env_example()


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not (field.description or "").endswith(".")] == []


def test_migrations_lead_to_the_tables(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'db.sqlite'}")
    migrate(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_the_dockerfile_passes_its_linter() -> None:
    command = [str(Path(sys.executable).with_name("hadolint")), str(PROJECT / "deploy" / "Dockerfile")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_compose_starts_the_processes_the_runbook_names() -> None:
    services = yaml.safe_load((PROJECT / "deploy" / "compose.yaml").read_text())["services"]
    workers = {f"worker-{lane}": ["deskhand", "worker", "--lane", lane] for lane in Lane}
    assert set(services) == {"api", *workers, "init", "postgres", "redis"}
    assert {name: services[name]["command"] for name in workers} == workers
    known = {f"DESKHAND_{name.upper()}" for name in Settings.model_fields}
    for service in services.values():
        names = {name for name in service.get("environment", {}) if name.startswith("DESKHAND_")}
        assert names <= known


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="needs docker-compose to check compose.yaml")
def test_compose_passes_its_own_check() -> None:
    command = ["docker-compose", "-f", str(PROJECT / "deploy" / "compose.yaml"), "config", "--quiet"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env={"POSTGRES_PASSWORD": "x", "PATH": "/usr/bin:/bin"}
    )
    assert done.returncode == 0, done.stderr


def test_commands_in_the_readme_exist() -> None:
    readme = (PROJECT / "README.md").read_text()
    shown = subprocess.run(
        [sys.executable, "-m", "assistant.cli.main", "--help"], check=True, capture_output=True, text=True
    ).stdout
    for command in set(re.findall(r"^deskhand (\w+)", readme, re.MULTILINE)):
        assert re.search(rf"\b{command}\b", shown), command
    targets = (PROJECT / "Makefile").read_text()
    for target in set(re.findall(r"^make ([\w-]+)", readme, re.MULTILINE)):
        assert re.search(rf"^{target}:", targets, re.MULTILINE), target


def test_the_changelog_knows_this_version_or_what_is_to_come() -> None:
    changelog = (PROJECT / "CHANGELOG.md").read_text()
    assert f"## [{__version__}]" in changelog or "## [Unreleased]" in changelog


def test_files_stay_small_enough_to_have_one_job() -> None:
    sources = [path for folder in ("assistant", "ingest", "workers") for path in (PROJECT / folder).rglob("*.py")]
    long = {
        str(path.relative_to(PROJECT)): size for path in sources if (size := len(path.read_text().splitlines())) > 350
    }
    assert long == {}


@pytest.mark.parametrize("name", ["draft/1", "draft/2", "draft/5", "summary/3"])
def test_prompts_have_a_worked_example(name: str) -> None:
    assert set(load_prompt(name).templates) == {"system", "example_user", "example_assistant", "user"}


@pytest.mark.parametrize("name", ["default-10", "whole-10"])
def test_every_threshold_is_explained_where_it_is_set(name: str) -> None:
    lines = (PROJECT / "assistant" / "policies" / f"{name}.toml").read_text().splitlines()
    assert all("#" in line for line in lines if re.match(r"\w+ = [\d.]", line))
    assert load_policy(name)[0].calibration == "none"


def test_the_policy_of_whole_passages_differs_from_the_default_in_nothing_else() -> None:
    default, whole = (load_policy(name)[0] for name in ("default-10", "whole-10"))
    assert default.select.passage_tokens > 0
    assert default.model_copy(update={"name": whole.name, "select": whole.select}) == whole
