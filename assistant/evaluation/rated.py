"""Answers that people have rated, with the passages they were written from."""

import json
from pathlib import Path
from statistics import median
from typing import NamedTuple

from pydantic import Field, ValidationError

from assistant.kernel.conversation import Message, Question, RawDraft, Ticket, Tier
from assistant.kernel.errors import InputError
from assistant.kernel.generation import Completion, ModelCard, Sampling
from assistant.kernel.knowledge import Audience, Chunk, Evidence, Passage
from assistant.kernel.value import Value
from assistant.stages.redact import redact

FAITHFUL = 3.0
"""A median rating, of 4, from which people call an answer faithful."""
BEST = 4.0
"""Of answers with this one, sentences are taken as faithful, and edited ones as not."""


class RatedAnswer(Value):
    """An answer with the passages it was written from, and what people made of it, from 1 to 4: the median of how faithful they find it,
    and how appropriate and how complete each of them does, where they were asked. ``reference`` is an answer a person wrote.
    """

    id: str
    question: str
    history: tuple[dict[str, str], ...] = ()
    contexts: tuple[str, ...]
    response: str
    reference: str = ""
    domain: str = ""
    faithfulness_median: float = Field(ge=1.0, le=4.0)
    appropriateness: tuple[float, ...] = ()
    completeness: tuple[float, ...] = ()

    @property
    def conversation(self) -> str:
        """Rows of one are alike: mtRAG's ids are ``CONVERSATION<::>TURN|MODEL``."""
        return self.id.split("<::>")[0]

    @property
    def asked(self) -> str:
        """The question it answers: several answers to one are alike too."""
        return self.id.split("|")[0]

    @property
    def faithful(self) -> bool:
        return self.faithfulness_median >= FAITHFUL

    @property
    def acceptable(self) -> bool:
        """Faithful, appropriate and complete, each to at least half of the people."""
        others = (ratings for ratings in (self.appropriateness, self.completeness) if ratings)
        return self.faithful and all(median(ratings) >= FAITHFUL for ratings in others)


class Drafted(NamedTuple):
    """A rated answer as what the stages make of one."""

    question: Question
    raw: RawDraft
    evidence: Evidence


def as_drafted(row: RatedAnswer, text: str, language: str) -> Drafted:
    """``text`` as if a model had written it from the passages of ``row``, to its question."""
    said = [
        Message(author="customer" if turn.get("role") == "user" else "agent", text=turn.get("text", ""))
        for turn in row.history
    ]
    question = redact(Ticket(messages=(*said, Message(author="customer", text=row.question))), language)
    chunks = [
        Chunk(
            id=str(number), document_key=str(number), title="", url="", audience=Audience.PUBLIC, ordinal=0,
            heading_path=(), text=context, tokens=0, language=question.language,
        )
        for number, context in enumerate(row.contexts)
    ]  # fmt: skip
    raw = RawDraft(
        tier=Tier.SMALL, model=ModelCard(name="", sha256="", context_length=0), messages=(), sampling=Sampling(),
        passages_used=tuple(chunk.id for chunk in chunks),
        completion=Completion(text=text, finish="stop", prompt_tokens=0, completion_tokens=0),
    )  # fmt: skip
    passages = tuple(Passage(chunk=chunk, similarity=0.0, lexical=0.0, fused=0.0) for chunk in chunks)
    return Drafted(question, raw, Evidence(passages=passages, generation=0, top_similarity=0.0))


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
