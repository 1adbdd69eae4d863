"""The base of every value: frozen, strict about unknown fields, compared by content."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

CleanText = Annotated[str, AfterValidator(lambda text: unicodedata.normalize("NFC", text.replace("\0", "")))]
"""Text from outside, with one form for each letter, as words are compared. Null bytes say nothing to a reader, and Postgres
refuses them."""


class Value(BaseModel):
    """An immutable value. Identity is a storage concern that lives elsewhere."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
