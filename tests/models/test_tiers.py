"""From settings to the models that run here: each tier's own size, its adapters, and what a request carries."""

from pathlib import Path

import pytest

from assistant.config import Settings, load_settings
from assistant.engine.lane import ComputeLane
from assistant.engine.link import Call, MakeRequest
from assistant.engine.protocol import Count, Embed, Finished, Generate, Score
from assistant.kernel.conversation import Tier
from assistant.kernel.errors import ConfigurationError, ModelFileError
from assistant.kernel.generation import ChatMessage, Completion, Sampling, run_to_end
from assistant.models.catalogue import Catalogue, load_catalogue
from assistant.tiers import Tiers

OWN = """
[[model]]
name = "acme-voice"
role = "adapter"
licence = "MIT"
base = "qwen2.5-coder-1.5b-instruct-q4_k_m"
scale = 0.5
files = [ { path = "acme-voice.gguf", size = 3, sha256 = "%s" } ]
"""
HELLO = (ChatMessage(role="user", content="Where is my parcel?"),)


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    own = tmp_path / "catalogue.toml"
    own.write_text(OWN % ("a" * 64))
    return load_catalogue(own)


def tiers(catalogue: Catalogue, **settings: object) -> Tiers:
    return Tiers(Settings(**settings), catalogue)  # type: ignore[arg-type]


class Recorder:
    """Takes requests, keeps them, and answers each with an empty reply."""

    def __init__(self) -> None:
        self.seen: list[Generate | Count | Score | Embed] = []

    def submit(self, make: MakeRequest) -> Call:
        self.seen.append(make(7))
        call = Call(7, lambda _: None)
        completion = Completion(text="", finish="stop", prompt_tokens=1, completion_tokens=0)
        call.inbox.put(Finished(id=7, completion=completion))
        return call


def test_each_tier_has_its_own_size_where_one_is_set(catalogue: Catalogue) -> None:
    made = tiers(
        catalogue, context_length=2048, large_context_length=8192, slots=6, kv_type="q8_0", gpu_layers=20,
        large_gpu_layers=3,
    )  # fmt: skip
    small, large = made.files.values()
    assert (small.context_length, small.slots, small.kv_type, small.gpu_layers) == (2048, 6, "q8_0", 20)
    assert (large.context_length, large.slots, large.kv_type, large.gpu_layers) == (8192, 4, "q8_0", 3)
    assert small.sha256 == made.local[Tier.SMALL].sha256
    assert made.card(large).context_length == 8192


def test_a_context_is_never_longer_than_the_model_was_trained_for(catalogue: Catalogue) -> None:
    made = tiers(catalogue, small_model="smollm2-135m-instruct-q4_1", context_length=100_000)
    assert made.files["smollm2-135m-instruct-q4_1"].context_length == 8192


def test_limits_and_the_folder_of_states_reach_the_child(catalogue: Catalogue, tmp_path: Path) -> None:
    made = tiers(catalogue, data_dir=tmp_path, threads=3, states_mb=70, states_memory_mb=80, max_queued=9)
    child = made.child_settings()
    assert (child.threads, child.states_mb, child.memory_mb, child.max_queued) == (3, 70, 80, 9)
    assert child.states_folder == str(tmp_path / "states")
    assert tiers(catalogue, states_mb=0).child_settings().states_folder == ""


def test_a_model_of_both_tiers_is_loaded_once_with_the_large_one_s_size(catalogue: Catalogue) -> None:
    name = "smollm2-135m-instruct-q4_1"
    made = tiers(catalogue, small_model=name, large_model=name, large_context_length=1024)
    assert [file.context_length for file in made.files.values()] == [1024]
    models = made.models(Recorder(), "draft")
    assert {model.card.context_length for model in models.values()} == {1024}


def test_a_tier_behind_a_server_is_not_loaded_here(catalogue: Catalogue) -> None:
    made = tiers(catalogue, large_base_url="http://127.0.0.1:9/v1", large_context_length=16_384)
    assert list(made.local) == [Tier.SMALL]
    assert made.models(Recorder(), "draft")[Tier.LARGE].card.context_length == 16_384


def test_an_adapter_is_loaded_with_its_model_and_asked_for_by_tenant_and_task(catalogue: Catalogue) -> None:
    made = tiers(catalogue, adapters="tenant:acme/summary=acme-voice", models_dir=Path("/models"))
    small, large = made.files.values()
    assert small.adapters == ()
    assert [(a.name, a.path, a.scale) for a in large.adapters] == [("acme-voice", "/models/acme-voice.gguf", 0.5)]
    recorder = Recorder()
    for task in ("draft", "summary"):
        for tenant in ("acme", "globex"):
            for model in made.models(recorder, task).values():
                run_to_end(model.stream(HELLO, Sampling(), tenant=tenant, deadline_s=5), lambda _: None)
    asked = [
        (request.tenant, request.model)
        for request in recorder.seen
        if isinstance(request, Generate) and request.adapter
    ]
    assert asked == [("acme", large.name)]
    assert "acme-voice" in [model.name for model in made.configured()]


def test_what_is_set_for_speed_alone_does_not_change_the_hash_of_settings(catalogue: Catalogue) -> None:
    plain = tiers(catalogue).sha256()
    assert tiers(catalogue, states_mb=1, states_memory_mb=1, max_queued=1).sha256() == plain
    assert tiers(catalogue, kv_type="q8_0").sha256() != plain
    assert tiers(catalogue, large_kv_type="q8_0").sha256() != plain
    assert tiers(catalogue, reuse_passages=True).sha256() != plain
    assert tiers(catalogue, large_reuse_passages=True).sha256() != plain
    assert tiers(catalogue, prompt_lookup=True).sha256() != plain


def test_another_file_behind_the_same_adapter_s_name_changes_the_hash(catalogue: Catalogue, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(OWN % ("b" * 64))
    uses = "tenant:acme=acme-voice"
    assert tiers(catalogue, adapters=uses).sha256() != tiers(load_catalogue(other), adapters=uses).sha256()


@pytest.mark.models
def test_a_missing_adapter_file_is_named_before_anything_is_loaded(catalogue: Catalogue, models_dir: Path) -> None:
    with pytest.raises(ModelFileError, match="acme-voice is not at"):
        tiers(catalogue, models_dir=models_dir, adapters="tenant:acme=acme-voice").new_process(ComputeLane())


def test_a_wrong_size_is_named_once_by_its_variable() -> None:
    with pytest.raises(ConfigurationError, match="DESKHAND_LARGE_SLOTS: "):
        load_settings(large_slots=0)


def test_an_adapter_without_a_base_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text((OWN % ("a" * 64)).replace("base =", "made_from ="))
    with pytest.raises(ConfigurationError, match="an adapter needs `base`"):
        load_catalogue(own)


@pytest.mark.parametrize(
    ("settings", "lines"),
    [
        ({}, 4),
        ({"large_slots": "same", "slots": 6}, 6),
        ({"summary_tier": Tier.SMALL}, 8),
        ({"large_model": "", "slots": 3}, 3),
        ({"small_model": "", "summary_tier": Tier.SMALL}, 4),
        ({"small_model": "qwen2.5-coder-1.5b-instruct-q4_k_m", "summary_tier": Tier.SMALL}, 4),
        ({"large_base_url": "http://models.example/v1", "large_slots": 24}, 24),
    ],
)
def test_a_batch_has_a_line_under_way_for_each_slot_of_the_model_that_summarises(
    catalogue: Catalogue, settings: dict[str, object], lines: int
) -> None:
    assert tiers(catalogue, **settings).summaries_at_once == lines
