"""An operator's own models and adapters, from the catalogue beside the files to the desk that uses them."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from assistant.adapters.memory.models import ScriptedModel
from assistant.config import Settings
from assistant.kernel.conversation import Message, Ticket, Tier
from assistant.kernel.errors import ConfigurationError, ModelFileError
from assistant.models.catalogue import CatalogueFile, CatalogueModel
from assistant.models.own import register
from assistant.pipeline import Desk, summarize
from assistant.wiring import App
from tests.conftest import TENANT
from tests.summaries import written

TICKET = Ticket(messages=(Message(author="customer", text="My Fernhill Duo shows E4 and I want my money back."),))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Two models and an adapter of a few bytes each: nothing is loaded here."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name, role, base in (("own-1b", "small", ""), ("own-3b", "large", ""), ("brief", "adapter", "own-3b")):
        content = f"weights of {name}".encode()
        (folder / f"{name}.gguf").write_bytes(content)
        file = CatalogueFile(path=f"{name}.gguf", size=len(content), sha256=hashlib.sha256(content).hexdigest())
        model = CatalogueModel.model_validate(
            {"name": name, "role": role, "licence": "MIT", "context_length": 4096, "base": base, "files": (file,)}
        )
        register(model, folder / "catalogue.toml")
    return Settings(models_dir=folder, data_dir=tmp_path / "data", small_model="own-1b", large_model="own-3b")


def test_a_catalogue_beside_the_files_is_read_without_being_named(settings: Settings) -> None:
    assert [file.name for file in App(settings).model_process.settings.models] == ["own-1b", "own-3b"]


def test_a_catalogue_that_was_named_must_be_there(settings: Settings, tmp_path: Path) -> None:
    app = App(settings.model_copy(update={"catalogue": tmp_path / "nowhere.toml"}))
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml") as raised:
        _ = app.catalogue
    assert raised.value.fix


def test_summaries_have_models_of_their_own_only_where_adapters_tell_tasks_apart(settings: Settings) -> None:
    assert App(settings).desk.summary_models is None
    everywhere = App(settings.model_copy(update={"adapters": f"tenant:{TENANT}=brief"}))
    assert everywhere.desk.summary_models is None
    summaries = App(settings.model_copy(update={"adapters": "summary=brief"}))
    assert set(summaries.desk.summary_models or ()) == {Tier.SMALL, Tier.LARGE}
    assert next(file.adapters for file in summaries.model_process.settings.models) == ()
    assert [a.name for a in summaries.model_process.settings.models[1].adapters] == ["brief"]


def test_a_file_cut_short_is_named_with_what_mends_it(settings: Settings) -> None:
    (settings.models / "brief.gguf").write_bytes(b"weights")
    with pytest.raises(ModelFileError, match=r"brief is only partly at .*brief\.gguf") as raised:
        _ = App(settings.model_copy(update={"adapters": "summary=brief"})).model_process
    assert "models pull" in raised.value.fix


def test_the_models_for_summaries_write_the_summaries(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(large=lambda _: written(next_step="As it drafts."))
    assert summarize(TICKET, TENANT, desk).summary.next_step == "As it drafts."
    own = {Tier.LARGE: ScriptedModel(lambda _: written(next_step="Briefly."))}
    assert summarize(TICKET, TENANT, replace(desk, summary_models=own)).summary.next_step == "Briefly."


def test_passages_that_are_cut_for_each_question_cannot_be_joined(settings: Settings) -> None:
    joining = settings.model_copy(update={"reuse_passages": True})
    with pytest.raises(ConfigurationError, match="cuts them for each question"):
        _ = App(joining).policy
    assert App(joining.model_copy(update={"policy": "whole-10"})).policy[0].name == "whole-10"
