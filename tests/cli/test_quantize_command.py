"""`deskhand models quantize`: a real model made smaller, listed, verified and used; every mistake with its fix."""

import fcntl
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.cli.quantizing import check_wish, make, new_name
from assistant.config import Settings
from assistant.engine.local import LocalModel
from assistant.engine.process import ModelProcess
from assistant.engine.quantize import plan
from assistant.kernel.conversation import Tier
from assistant.kernel.errors import DeskhandError, HeldElsewhere, InputError, ModelFileError
from assistant.kernel.generation import ChatMessage, Sampling, run_to_end
from assistant.models.catalogue import CatalogueModel
from assistant.models.own import register
from assistant.models.pull import digest
from assistant.wiring import App
from tests.cli.test_commands import deskhand, environment

__all__ = ["environment"]

pytestmark = pytest.mark.models
SOURCE = "smollm2-135m-instruct-q4_1"
MADE = f"{SOURCE}-to-q4_0"


@pytest.fixture
def models(tmp_path: Path, model_file: Callable[[str], tuple[CatalogueModel, Path]]) -> Path:
    """A folder of models with nothing but the source."""
    folder = tmp_path / "models"
    folder.mkdir()
    _, path = model_file(SOURCE)
    (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture
def app(models: Path, tmp_path: Path) -> App:
    return App(Settings(models_dir=models, data_dir=tmp_path / "data", threads=2))


def quantized(app: App, type_: str = "Q4_0", new: str = "") -> tuple[CatalogueModel, list[str]]:
    said: list[str] = []
    source, name = check_wish(app, SOURCE, type_, new)
    return make(app, source, type_, name, said.append), said


def test_a_model_is_made_listed_verified_and_answers(
    environment: dict[str, str], models: Path, app: App, tmp_path: Path
) -> None:
    small = environment | {"DESKHAND_MODELS_DIR": str(models), "DESKHAND_LARGE_MODEL": ""}
    done = deskhand(small, "models", "quantize", SOURCE, "q4_0")
    assert done.returncode == 0, done.stderr
    assert "quantised already (q4_1, q8_0)" in done.stderr
    assert f"DESKHAND_SMALL_MODEL={MADE}" in done.stderr
    listed = json.loads(deskhand(small, "models", "list", "--json").stdout)
    found = next(model for model in listed if model["name"] == MADE)
    assert (found["present"], found["made_from"], found["type"], found["role"]) == (True, SOURCE, "Q4_0", "test")
    verified = deskhand(small | {"DESKHAND_SMALL_MODEL": MADE}, "models", "verify").stdout
    assert f"ok         {models / MADE}.gguf" in verified

    again, said = quantized(app)
    assert said == [f"{MADE} was made before and is whole."]
    (models / f"{MADE}.gguf").unlink()
    assert quantized(App(app.settings))[0] == again
    assert sorted(path.name for path in models.iterdir() if path.name.startswith(".")) == []

    file = app.tiers.file(again, Tier.SMALL)
    process = ModelProcess(app.tiers.child_settings(file))
    try:
        model = LocalModel(app.tiers.card(file), process)
        chat = (ChatMessage(role="user", content="What is the capital of France?"),)
        reply = run_to_end(model.stream(chat, Sampling(max_tokens=24), tenant="acme", deadline_s=60), lambda _: None)
        assert "Paris" in reply.text
    finally:
        process.close()


@pytest.mark.parametrize(
    ("name", "type_", "new", "message"),
    [
        (SOURCE, "Q4_9", "", "no type 'Q4_9'"),
        ("gpt-9", "Q4_0", "", "no model 'gpt-9'"),
        ("all-minilm-l6-v2", "Q4_0", "", "role embedder"),
        ("qwen2.5-coder-0.5b-instruct-q4_k_m", "Q4_0", "", "is not at"),
        (SOURCE, "Q4_0", "../outside", "cannot name a model"),
        (SOURCE, "Q4_0", SOURCE, f"there is a model {SOURCE} already"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused(app: App, name: str, type_: str, new: str, message: str) -> None:
    with pytest.raises(DeskhandError, match=message) as raised:
        check_wish(app, name, type_, new)
    assert raised.value.fix


def test_a_file_that_nobody_listed_is_not_overwritten(app: App, models: Path) -> None:
    (models / f"{MADE}.gguf").write_bytes(b"somebody's")
    with pytest.raises(InputError, match="not in the catalogue"):
        check_wish(app, SOURCE, "Q4_0", "")


def test_a_listed_quantisation_is_made_when_it_is_pulled_and_listed_as_it_came_out(
    environment: dict[str, str], models: Path, app: App
) -> None:
    """Another kind of CPU may round another way, so the hash that was listed before does not decide."""
    made, _ = quantized(app)
    register(
        made.model_copy(update={"files": (made.files[0].model_copy(update={"sha256": "0" * 64}),)}),
        models / "catalogue.toml",
    )
    (models / f"{MADE}.gguf").unlink()
    own = environment | {"DESKHAND_MODELS_DIR": str(models)}
    done = deskhand(own, "models", "pull", MADE)
    assert done.returncode == 0, done.stderr
    assert digest(models / f"{MADE}.gguf") == made.sha256
    assert App(app.settings).catalogue.get(MADE) == made


def test_one_that_is_here_and_whole_is_pulled_without_its_source(
    environment: dict[str, str], models: Path, app: App
) -> None:
    quantized(app)
    app.catalogue.get(SOURCE).path_in(models).unlink()
    offline = environment | {"DESKHAND_MODELS_DIR": str(models), "DESKHAND_MODEL_HUB": "", "PATH": ""}
    done = deskhand(offline, "models", "pull", MADE)
    assert done.returncode == 0, done.stderr


def test_a_second_run_at_the_same_time_is_told_to_wait(app: App, models: Path) -> None:
    with (models / f".{MADE}.gguf.part").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(HeldElsewhere, match="being made by another process"):
            quantized(app)


def test_a_damaged_source_is_told_and_leaves_nothing(app: App, models: Path) -> None:
    path = next(models.iterdir())
    size = path.stat().st_size
    path.unlink()
    path.write_bytes(b"GGUF" + bytes(size - 4))
    with pytest.raises(ModelFileError, match=r"was not made Q4_0: llama\.cpp") as raised:
        quantized(app)
    assert "models verify" in raised.value.fix
    assert [found.name for found in models.iterdir()] == [path.name]


def test_a_plan_says_the_size_and_what_does_not_divide(
    model_file: Callable[[str], tuple[CatalogueModel, Path]],
) -> None:
    _, path = model_file(SOURCE)
    fits, falls_back = plan(path, "Q4_0"), plan(path, "Q4_K_M")
    assert fits.source_types == ("q4_1", "q8_0")
    assert fits.size < falls_back.size < path.stat().st_size * 1.1
    assert (fits.fallbacks, falls_back.fallbacks) == (1, 180)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("support-1b-f16", "support-1b-q4_0"),
        ("support-1b.BF16", "support-1b-q4_0"),
        ("support-1b-q4_k_m", "support-1b-q4_k_m-to-q4_0"),
    ],
)
def test_a_name_tells_when_the_source_was_rounded_before(source: str, name: str) -> None:
    assert new_name(source, "Q4_0") == name
