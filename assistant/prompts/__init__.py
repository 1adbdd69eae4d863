"""Prompts: one folder a prompt and version, Jinja templates, never edited in place.

A folder holds ``system.jinja`` and ``user.jinja``, and may hold a worked example as
``example_user.jinja`` and ``example_assistant.jinja``, which is sent as an earlier exchange.
"""

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Literal

from jinja2 import StrictUndefined
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from assistant.kernel.errors import ConfigurationError
from assistant.kernel.generation import ChatMessage
from assistant.kernel.value import Value

_ROLES: tuple[tuple[str, Literal["system", "user", "assistant"]], ...] = (
    ("system", "system"),
    ("example_user", "user"),
    ("example_assistant", "assistant"),
    ("user", "user"),
)


class Prompt(Value):
    """A version of a prompt. ``name`` is ``folder/version``; ``sha256`` covers all its templates."""

    name: str
    sha256: str
    templates: Mapping[str, str]

    def takes(self, value: str) -> bool:
        """Whether any of its templates uses ``value``."""
        environment = ImmutableSandboxedEnvironment()
        return any(
            value in find_undeclared_variables(environment.parse(template)) for template in self.templates.values()
        )

    def render(self, **values: object) -> tuple[ChatMessage, ...]:
        """The chat messages, templates filled with ``values``. A missing value is an error."""
        environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        return tuple(
            ChatMessage(role=role, content=environment.from_string(self.templates[part]).render(values).strip())
            for part, role in _ROLES
            if part in self.templates
        )


def load_prompt(name: str) -> Prompt:
    """The prompt ``folder/version``, such as ``draft/1``. Raises ConfigurationError when there is none."""
    folder = files(__package__).joinpath(*name.split("/"))
    if not folder.is_dir():
        raise ConfigurationError(f"there is no prompt {name!r}", fix="Prompts are folders below assistant/prompts.")
    templates = {
        item.name.removesuffix(".jinja"): item.read_text("utf-8")
        for item in sorted(folder.iterdir(), key=lambda item: item.name)
        if item.name.endswith(".jinja")
    }
    digest = hashlib.sha256("\0".join(f"{part}\0{text}" for part, text in templates.items()).encode()).hexdigest()
    return Prompt(name=name, sha256=digest, templates=templates)
