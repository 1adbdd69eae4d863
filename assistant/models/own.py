"""The operator's own catalogue, written by code: an entry is added or replaced, everything else stays as it is."""

import json
import os
import re
import tomllib
from pathlib import Path

from assistant.kernel.errors import ConfigurationError
from assistant.models.catalogue import CatalogueModel, parse_catalogue

_HEADER = "# Models of this machine, formed like the shipped catalogue. Yours to edit.\n"


def register(model: CatalogueModel, catalogue: Path) -> None:
    """Put ``model`` into the file, in place of the one of its name. Raises ConfigurationError; the file is then as it was."""
    try:
        text = catalogue.read_text("utf-8") if catalogue.exists() else _HEADER
        before = parse_catalogue(str(catalogue), text)
        blocks = re.split(r"(?m)^(?=\[\[)", text)
        kept = "".join(block for block in blocks if not _is(block, model.name))
        changed = f"{kept.rstrip()}\n\n{_entry(model)}"
        if parse_catalogue(str(catalogue), changed) != before | {model.name: model}:
            raise ConfigurationError(
                f"{model.name} cannot be put into {catalogue} without changing other entries",
                fix=f"Add it by hand:\n{_entry(model)}",
            )
        catalogue.parent.mkdir(parents=True, exist_ok=True)
        beside = catalogue.with_name(f".{catalogue.name}.{os.getpid()}.part")
        beside.write_text(changed, "utf-8")
        beside.replace(catalogue)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"the catalogue {catalogue} cannot be changed: {error}",
            fix="Set DESKHAND_CATALOGUE to a file that can be written.",
        ) from error


def _is(block: str, name: str) -> bool:
    """Whether a stretch of TOML from one ``[[`` to the next is the entry called ``name``."""
    try:
        return [entry.get("name") for entry in tomllib.loads(block).get("model", [])] == [name]
    except (tomllib.TOMLDecodeError, AttributeError):
        return False


def _entry(model: CatalogueModel) -> str:
    """TOML of one entry. A JSON string is a TOML one as long as nothing but ASCII is left as it is."""
    given = model.model_dump(exclude_defaults=True, exclude={"files", "hub", "packages"})
    fields = [f"{name} = {json.dumps(value)}" for name, value in given.items()]
    files = [f'  {{ path = {json.dumps(f.path)}, size = {f.size}, sha256 = "{f.sha256}" }},' for f in model.files]
    return "\n".join(["[[model]]", *fields, "files = [", *files, "]", ""])
