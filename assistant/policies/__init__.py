"""Versions of the thresholds, as TOML. A version is never edited in place: add ``default-2.toml``."""

import hashlib
import tomllib
from importlib.resources import files

from assistant.kernel.errors import ConfigurationError
from assistant.kernel.policy import Policy

_PARTS = (
    ("verify", "fit", "fits"),
    ("verify", "promises", "promises"),
    ("shield", "orders", "orders"),
    ("route", "refused", "refused"),
)
"""What names a file: the section, the field, and the files' folder."""


def load_policy(name: str) -> tuple[Policy, str]:
    """The policy called ``name`` with the files it names, and the SHA-256 of all of them. Raises ConfigurationError when there is none."""
    folder = files(__package__)
    source = folder / f"{name}.toml"
    if not source.is_file():
        known = sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))
        raise ConfigurationError(
            f"there is no policy {name!r}", fix=f"Set DESKHAND_POLICY to one of: {', '.join(known)}."
        )
    data = source.read_bytes()
    values = tomllib.loads(data.decode())
    for section, field, subfolder in _PARTS:
        part = (folder / subfolder / f"{values[section][field]}.toml").read_bytes()
        values[section][field] = tomllib.loads(part.decode())
        data += part
    return Policy.model_validate(values | {"name": name}), hashlib.sha256(data).hexdigest()
