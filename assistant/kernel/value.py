"""The base of every value: frozen, strict about unknown fields, compared by content."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """An immutable value. Identity is a storage concern that lives elsewhere."""

    model_config = ConfigDict(frozen=True, extra="forbid")
