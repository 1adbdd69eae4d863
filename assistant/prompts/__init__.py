"""Prompts: one folder a prompt and version, Jinja templates, never edited in place.

A folder holds ``system.jinja`` and ``user.jinja``, and may hold a worked example as
``example_user.jinja`` and ``example_assistant.jinja``, which is sent as an earlier exchange. A template marks with
``BORDER`` where its message falls into pieces that other prompts share (``ChatMessage.cuts``); no value can hold one.
"""

import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from itertools import accumulate
from typing import Literal

from jinja2 import StrictUndefined
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from assistant.kernel.errors import ConfigurationError
from assistant.kernel.generation import ChatMessage
from assistant.kernel.value import Value

BORDER = "\x1e"
"""The record separator. Templates write it as ``{{ "\\x1e" }}``."""
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
        """The chat messages, templates filled with ``values``, borders turned into cuts. A missing value is an error."""
        environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        clean = {name: _without_borders(value) for name, value in values.items()}
        return tuple(
            _message(role, environment.from_string(self.templates[part]).render(clean))
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


def _message(role: Literal["system", "user", "assistant"], text: str) -> ChatMessage:
    pieces = text.strip(" \t\r\n").split(BORDER)
    return ChatMessage(role=role, content="".join(pieces), cuts=tuple(accumulate(map(len, pieces[:-1]))))


def _without_borders(value: object) -> object:
    """Tickets and documents must not say where a prompt is cut: their text could pass for another passage's state."""
    if isinstance(value, str):
        return value.replace(BORDER, " ") if BORDER in value else value
    if isinstance(value, Mapping):
        return {key: _without_borders(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_without_borders(item) for item in value]
    return value
