"""Answers that people have rated, with the passages they were written from."""

import json
from pathlib import Path

from pydantic import Field, ValidationError

from assistant.kernel.errors import InputError
from assistant.kernel.value import Value

FAITHFUL = 3.0
"""A median rating, of 4, from which people call an answer faithful."""
BEST = 4.0
"""Of answers with this one, sentences are taken as faithful, and edited ones as not."""


class RatedAnswer(Value):
    """An answer with the passages it was written from, and the median of people's ratings (1 to 4)."""

    id: str
    question: str
    history: tuple[dict[str, str], ...] = ()
    contexts: tuple[str, ...]
    response: str
    domain: str = ""
    faithfulness_median: float = Field(ge=1.0, le=4.0)

    @property
    def conversation(self) -> str:
        """Rows of one are alike: mtRAG's ids are ``CONVERSATION<::>TURN|MODEL``."""
        return self.id.split("<::>")[0]

    @property
    def faithful(self) -> bool:
        return self.faithfulness_median >= FAITHFUL


def read_rated(path: Path) -> list[RatedAnswer]:
    """Lines of ``{id, question, history, contexts, response, faithfulness_median}``, as mtRAG's ratings have them.

    Answers without passages are left out: nothing can be found in them. Raises InputError with the line that is wrong.
    """
    rows: list[RatedAnswer] = []
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read", fix="Check the path; the file must be UTF-8.", field="rows"
        ) from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if row["contexts"]:
                rows.append(
                    RatedAnswer.model_validate({name: row[name] for name in RatedAnswer.model_fields if name in row})
                )
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            raise InputError(
                f"{path}:{number} is not a rated answer ({type(error).__name__})",
                fix='Write lines like {"id": "1", "question": "…", "contexts": ["…"], "response": "…", "faithfulness_median": 4}.',
                field="rows",
            ) from error
    return rows
