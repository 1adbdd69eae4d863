"""Is a message about anything that is answered here at all? Told by the examples it is near to: of what is, and of what is not."""

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, ValidationError

from assistant.evaluation.metrics import Interval, auroc
from assistant.kernel.errors import InputError
from assistant.kernel.value import Value
from assistant.learning.scope import Examples, cut, embedded
from assistant.ports import Embedder, Vectors

IN_SCOPE = "in_scope"
LOST = (0.01, 0.02, 0.05)
"""Shares of messages in scope that may be declined."""


class Example(Value):
    """A message; ``kind`` is "in_scope", or the way in which it is not. Those of ``split`` "train" are the examples."""

    dataset: str = ""
    split: Literal["train", "valid", "test"] = "train"
    kind: str = Field(min_length=1)
    text: str


class Declined(Value):
    """What a fit to the examples that may lose a share of ``lost`` declines: shares of the held-out messages of either kind."""

    lost: float
    inside: float
    outside: float


class ToldApart(Value):
    """Messages in scope against those of ``kind``: by examples of what is in scope alone, and by examples of both (None without any)."""

    dataset: str
    kind: str
    inside: int
    outside: int
    by_inside: Interval
    by_both: Interval | None
    declined: tuple[Declined, ...] = ()


class ScopeReport(Value):
    told: tuple[ToldApart, ...]


def read_examples(path: Path) -> list[Example]:
    """Lines of ``{dataset, split: train | valid | test, kind, text}``, gzipped when the name ends so. Messages without a word
    are left out: they are near to nothing. Raises InputError with the line that is wrong.
    """
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        lines = data.decode("utf-8").split("\n")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read", fix="Check the path; the file must be UTF-8.", field="rows"
        ) from error
    found = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                row = json.loads(line)
                found.append(Example.model_validate({name: row[name] for name in Example.model_fields if name in row}))
            except (ValueError, TypeError, ValidationError) as error:
                raise InputError(
                    f"{path}:{number} is not a message ({type(error).__name__})",
                    fix='Write lines like {"dataset": "d", "split": "train", "kind": "in_scope", "text": "…"}.',
                    field="rows",
                ) from error
    return [one for one in found if one.text.strip()]


def comparable(examples: Sequence[Example]) -> list[Example]:
    """Those of datasets with examples in scope, and held-out messages in scope and out of it. Raises InputError when there is none."""
    kinds: dict[str, set[tuple[bool, bool]]] = {}
    for one in examples:
        kinds.setdefault(one.dataset, set()).add((one.split == "train", one.kind == IN_SCOPE))
    needed = {(True, True), (False, True), (False, False)}
    found = [one for one in examples if needed <= kinds[one.dataset]]
    if not found:
        raise InputError(
            "no dataset has what is needed to tell scopes apart",
            fix='Give messages of split "train" and kind "in_scope", and of split "valid" some of kind "in_scope" and some of another.',
            field="rows",
        )
    return found


def evaluate_scope(
    examples: Sequence[Example], embedder: Embedder, on_progress: Callable[[int], None] = lambda _: None
) -> ScopeReport:
    """For each dataset and each kind of what is out of scope: whether held-out messages are told from those in scope by the examples.

    Raises InputError unless some dataset has examples in scope, and held-out messages of both kinds.
    """
    wanted = comparable(examples)
    vectors = embedded([one.text for one in wanted], embedder, on_progress)
    places: dict[tuple[str, bool, str], list[int]] = {}
    for at, one in enumerate(wanted):
        places.setdefault((one.dataset, one.split == "train", one.kind), []).append(at)

    def of(dataset: str, kind: str, *, train: bool) -> Vectors:
        return vectors[places.get((dataset, train, kind), [])]

    held_out = sorted((dataset, kind) for dataset, train, kind in places if not train and kind != IN_SCOPE)
    told = []
    for dataset, kind in held_out:
        inside, outside = of(dataset, IN_SCOPE, train=False), of(dataset, kind, train=False)
        messages = np.concatenate([inside, outside])
        labels = [True] * len(inside) + [False] * len(outside)
        known = Examples(of(dataset, IN_SCOPE, train=True), of(dataset, kind, train=True))
        alone = known._replace(outside=known.outside[:0]).score(messages).tolist()
        both = known.score(messages).tolist() if len(known.outside) else None
        told.append(
            ToldApart(
                dataset=dataset,
                kind=kind,
                inside=len(inside),
                outside=len(outside),
                by_inside=auroc(alone, labels),
                by_both=auroc(both, labels) if both else None,
                declined=tuple(_declined(known, inside, outside)),
            )
        )
    return ScopeReport(told=tuple(told))


def _declined(examples: Examples, inside: Vectors, outside: Vectors) -> Iterator[Declined]:
    """For each of LOST that the examples are enough for."""
    of_inside, of_outside = examples.score(inside), examples.score(outside)
    for lost in LOST:
        try:
            least = cut(examples, lost).least
        except InputError:
            continue
        yield Declined(lost=lost, inside=float((of_inside < least).mean()), outside=float((of_outside < least).mean()))
