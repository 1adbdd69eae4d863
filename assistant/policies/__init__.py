"""Versions of the thresholds, as TOML. A version is never edited in place: add ``default-2.toml``."""

import hashlib
import tomllib
from importlib.resources import files

from assistant.kernel.errors import ConfigurationError
from assistant.kernel.policy import Policy


def load_policy(name: str) -> tuple[Policy, str]:
    """The policy called ``name`` with the fit it names, and the SHA-256 of both files. Raises ConfigurationError when there is none."""
    folder = files(__package__)
    source = folder / f"{name}.toml"
    if not source.is_file():
        known = sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))
        raise ConfigurationError(
            f"there is no policy {name!r}", fix=f"Set DESKHAND_POLICY to one of: {', '.join(known)}."
        )
    data = source.read_bytes()
    values = tomllib.loads(data.decode())
    fit = (folder / "fits" / f"{values['verify']['fit']}.toml").read_bytes()
    values["verify"]["fit"] = tomllib.loads(fit.decode())
    return Policy.model_validate(values | {"name": name}), hashlib.sha256(data + fit).hexdigest()
