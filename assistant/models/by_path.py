"""A sentence-transformers model that an operator has in a folder of their own, read as if the catalogue listed it."""

import hashlib
import json
from pathlib import Path
from typing import Any

from assistant.kernel.errors import ConfigurationError
from assistant.models.catalogue import CatalogueFile, CatalogueModel

_WEIGHTS = (".safetensors", ".bin")
_DEFAULT_TOKENS = 512
"""What BERT and most of its kin read, where a folder does not say."""


def is_path(name: str) -> bool:
    """Whether a setting names a folder and not a model of the catalogue."""
    return "/" in name or name.startswith("~")


def embedder_at(path: str) -> CatalogueModel:
    """The model in the folder ``path``. Its files are hashed, so that vectors of another one are never mixed with its own.

    Raises ConfigurationError when the folder holds no sentence-transformers model with a fast tokenizer.
    """
    folder = Path(path).expanduser().resolve()
    try:
        modules = json.loads((folder / "modules.json").read_text("utf-8"))
        config = json.loads((folder / "config.json").read_text("utf-8"))
        paths = [file for file in sorted(folder.rglob("*")) if file.is_file() and not _hidden(file, folder)]
        weights = [file for file in paths if file.suffix in _WEIGHTS and file.parent == folder]
        if not weights or not (folder / "tokenizer.json").is_file():
            raise FileNotFoundError("weights and tokenizer.json")
        paths.sort(key=lambda file: file not in weights[:1])
        return CatalogueModel(
            name=folder.name,
            role="embedder",
            licence="unknown",
            dimension=_dimension(folder, modules, config),
            context_length=_reads(folder, config),
            folder=str(folder),
            files=tuple(_file(file, folder) for file in paths),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"DESKHAND_EMBEDDER: {folder} is not the folder of a sentence-transformers model ({type(error).__name__})",
            fix="It needs modules.json, config.json, tokenizer.json and model.safetensors, as `SentenceTransformer.save` writes them.",
        ) from error


def _dimension(folder: Path, modules: list[dict[str, Any]], config: dict[str, Any]) -> int:
    """What the last module that changes it gives: a dense layer, or the pooling."""
    for module in reversed(modules):
        file = folder / str(module["path"]) / "config.json"
        found = json.loads(file.read_text("utf-8")) if module["path"] and file.is_file() else {}
        for key in ("out_features", "word_embedding_dimension", "embedding_dimension"):
            if key in found:
                return int(found[key])
    return int(config["hidden_size"])


def _reads(folder: Path, config: dict[str, Any]) -> int:
    """Tokens of a text that are read."""
    file = folder / "sentence_bert_config.json"
    said = json.loads(file.read_text("utf-8")).get("max_seq_length") if file.is_file() else None
    return int(said or config.get("max_position_embeddings") or _DEFAULT_TOKENS)


def _file(path: Path, folder: Path) -> CatalogueFile:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return CatalogueFile(path=str(path.relative_to(folder)), size=max(path.stat().st_size, 1), sha256=sha256)


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)
