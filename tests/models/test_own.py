"""The operator's own catalogue as code changes it: one entry, and nothing else."""

from pathlib import Path

import pytest

from assistant.kernel.errors import ConfigurationError
from assistant.models.catalogue import CatalogueFile, CatalogueModel, load_catalogue
from assistant.models.own import register

HANDMADE = """# Bought from our vendor in March; ask Ines before changing it.
[[model]]
name = "support-3b"
role = "large"
licence = "Proprietary \\"internal\\""
context_length = 8192
files = [ {{ path = "support-3b.gguf", size = 9, sha256 = "{}" }} ]
packages = {{ names = "support-3b", version = "1.0", members = "*.gguf" }}

# The small one.
[[model]]
name = "support-1b"
role = "small"
licence = "MIT"
context_length = 4096
files = [ {{ path = "support-1b.gguf", size = 9, sha256 = "{}" }} ]
""".format("a" * 64, "b" * 64)


def made(sha256: str = "c" * 64, name: str = "support-1b-q4_0") -> CatalogueModel:
    file = CatalogueFile(path=f"{name}.gguf", size=5, sha256=sha256)
    return CatalogueModel(
        name=name,
        role="small",
        licence='MIT "as is"',
        context_length=4096,
        files=(file,),
        made_from="support-1b",
        type="Q4_0",
    )


def test_the_first_entry_makes_the_file(tmp_path: Path) -> None:
    own = tmp_path / "models" / "catalogue.toml"
    register(made(), own)
    assert load_catalogue(own).get("support-1b-q4_0") == made()
    assert [path.name for path in own.parent.iterdir()] == ["catalogue.toml"]


def test_what_a_person_wrote_stays_to_the_letter(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(HANDMADE)
    register(made(), own)
    assert own.read_text().startswith(HANDMADE)
    assert load_catalogue(own).get("support-1b-q4_0").made_from == "support-1b"


def test_an_entry_of_the_same_name_is_replaced_where_others_stay(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(HANDMADE)
    register(made(), own)
    register(made(name="support-3b-q8_0"), own)
    register(made("d" * 64), own)
    assert own.read_text().count('name = "support-1b-q4_0"') == 1
    assert own.read_text().startswith(HANDMADE)
    known = load_catalogue(own).models
    assert known["support-1b-q4_0"].sha256 == "d" * 64
    assert known["support-3b-q8_0"].sha256 == "c" * 64


@pytest.mark.parametrize("text", ["model = [ ]\n", "[[model]\n", '[[model]]\nname = "half"\n'])
def test_a_file_that_cannot_be_extended_is_left_alone(tmp_path: Path, text: str) -> None:
    own = tmp_path / "own.toml"
    own.write_text(text)
    with pytest.raises(ConfigurationError, match=r"own\.toml") as raised:
        register(made(), own)
    assert raised.value.fix
    assert own.read_text() == text


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    in_the_way = tmp_path / "models"
    in_the_way.write_text("a file where a folder should be")
    with pytest.raises(ConfigurationError, match="cannot be changed") as raised:
        register(made(), in_the_way / "catalogue.toml")
    assert "DESKHAND_CATALOGUE" in raised.value.fix
