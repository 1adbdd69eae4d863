"""Passages → the same passages in an order in which a model has less to read."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Passage = TypeVar("Passage")


def arrange(passages: Sequence[Passage], known: Callable[[Sequence[Passage]], int], gain: int) -> Sequence[Passage]:
    """Those first that earlier prompts began with, so that popular passages gather at the beginning of prompts.

    ``known`` tells how many tokens of the prompt with an order need not be read. Place by place the passage is taken with
    which most is known, if that is ``gain`` tokens more than with the one whose turn it is. Four passages take
    seven questions.
    """
    order, rest = list[Passage](), list(passages)
    so_far = known(passages)
    while len(rest) > 1:
        gains = [known([*order, rest[at], *rest[:at], *rest[at + 1 :]]) - so_far for at in range(1, len(rest))]
        most = max(gains)
        if most >= gain:
            so_far += most
            order.append(rest.pop(1 + gains.index(most)))
        else:
            order.append(rest.pop(0))
    return [*order, *rest]
