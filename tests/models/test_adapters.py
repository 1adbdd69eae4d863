"""Who takes which LoRA adapter: the narrowest rule that fits, and only a model's own."""

import pytest

from assistant.config import load_settings
from assistant.kernel.errors import ConfigurationError
from assistant.models.adapters import Adapters, AdapterUse, adapters_in_use, read_uses
from assistant.models.catalogue import Catalogue, CatalogueFile, CatalogueModel

SMALL, LARGE = "qwen-small", "qwen-large"


def entry(name: str, base: str = "") -> CatalogueModel:
    file = CatalogueFile(path=f"{name}.gguf", size=1, sha256="0" * 64)
    if base:
        return CatalogueModel(name=name, role="adapter", licence="MIT", base=base, files=(file,))
    return CatalogueModel(name=name, role="small", licence="MIT", context_length=4096, files=(file,))


CATALOGUE = Catalogue(
    {
        model.name: model
        for model in (
            entry(SMALL),
            entry(LARGE),
            entry("brief-summaries", LARGE),
            entry("acme-voice", LARGE),
            entry("acme-summaries", LARGE),
            entry("acme-voice-small", SMALL),
        )
    }
)


def in_use(text: str) -> Adapters:
    return adapters_in_use(text, CATALOGUE, [SMALL, LARGE])


def test_rules_are_read_from_the_setting() -> None:
    assert read_uses(" summary=a, tenant:acme=b,tenant:acme/draft=c ") == (
        AdapterUse(adapter="a", task="summary"),
        AdapterUse(adapter="b", tenant="acme"),
        AdapterUse(adapter="c", tenant="acme", task="draft"),
    )
    assert read_uses("") == ()


@pytest.mark.parametrize(
    ("tenant", "task", "adapter"),
    [
        ("globex", "draft", ""),
        ("globex", "summary", "brief-summaries"),
        ("acme", "draft", "acme-voice"),
        ("acme", "summary", "acme-summaries"),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_the_narrowest_rule_is_taken_whatever_the_order(tenant: str, task: str, adapter: str, backwards: bool) -> None:
    rules = ["summary=brief-summaries", "tenant:acme=acme-voice", "tenant:acme/summary=acme-summaries"]
    chosen = in_use(",".join(reversed(rules) if backwards else rules))
    assert chosen.adapter_for(LARGE, tenant, task) == adapter  # type: ignore[arg-type]


def test_a_tenant_s_adapter_goes_before_a_task_s() -> None:
    chosen = in_use("summary=brief-summaries,tenant:acme=acme-voice")
    assert chosen.adapter_for(LARGE, "acme", "summary") == "acme-voice"


def test_a_model_takes_only_adapters_made_for_it() -> None:
    chosen = in_use("tenant:acme=acme-voice,tenant:acme=acme-voice-small,summary=brief-summaries")
    assert chosen.adapter_for(SMALL, "acme", "draft") == "acme-voice-small"
    assert chosen.adapter_for(LARGE, "acme", "draft") == "acme-voice"
    assert chosen.adapter_for(SMALL, "globex", "summary") == ""
    assert [model.name for model in chosen.of_model(SMALL)] == ["acme-voice-small"]
    assert [model.name for model in chosen.of_model(LARGE)] == ["acme-voice", "brief-summaries"]


def test_adapters_nobody_uses_are_not_loaded() -> None:
    assert in_use("").of_model(LARGE) == []


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("summary=nothing", "nothing, which is not in the catalogue"),
        (f"summary={SMALL}", f"{SMALL}, which is no adapter"),
        ("summary=brief-summaries,summary=acme-voice", "both brief-summaries and acme-voice for the same work"),
    ],
)
def test_a_rule_that_cannot_work_is_named(rules: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as raised:
        in_use(rules)
    assert raised.value.fix


def test_an_adapter_of_a_model_that_is_not_run_here_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=f"made for {LARGE}, which is not run here"):
        adapters_in_use("summary=acme-voice", CATALOGUE, [SMALL])


@pytest.mark.parametrize("text", ["summary", "summary=", "sumary=a", "tenant:=a", "tenant:Acme=a", "draft=a;summary=b"])
def test_a_setting_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="DESKHAND_ADAPTERS"):
        load_settings(adapters=text)


@pytest.mark.parametrize("text", ["", "summary=a", "tenant:acme=a, tenant:acme/draft=b-2.x"])
def test_a_setting_of_this_form_is_taken(text: str) -> None:
    assert load_settings(adapters=text).adapters == text
