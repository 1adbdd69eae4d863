"""Versions of the thresholds, as TOML. A version is never edited in place: add ``default-2.toml``."""

import hashlib
import tomllib
from importlib.resources import files

from assistant.kernel.errors import ConfigurationError
from assistant.kernel.policy import Policy


def load_policy(name: str) -> tuple[Policy, str]:
    """The policy called ``name`` and the SHA-256 of its file. Raises ConfigurationError when there is none."""
    folder = files(__package__)
    source = folder / f"{name}.toml"
    if not source.is_file():
        known = sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))
        raise ConfigurationError(
            f"there is no policy {name!r}", fix=f"Set DESKHAND_POLICY to one of: {', '.join(known)}."
        )
    data = source.read_bytes()
    return Policy.model_validate(tomllib.loads(data.decode()) | {"name": name}), hashlib.sha256(data).hexdigest()
