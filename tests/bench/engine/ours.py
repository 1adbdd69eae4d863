"""Deskhand's engine, by the interface the rest of Deskhand uses."""

import itertools
import math
import time
from collections.abc import Sequence
from pathlib import Path

from assistant.engine.local import LocalModel
from assistant.engine.process import ModelProcess
from assistant.engine.protocol import ChildSettings, ModelFile
from assistant.kernel.generation import ChatMessage, ModelCard, Sampling, Token, run_to_end
from assistant.text.arrangement import arrange
from tests.bench.engine.contestants import CONTEXT_LENGTH, Ask, Weights, Written

DEADLINE_S = 1_800.0
BULK_AT_ONCE = 16
TENANT = "bench"
SETTLED_S = 2.0
"""States are written behind the replies; a folder that has not changed for so long is complete."""


class Deskhand:
    """A ModelProcess with its defaults, and a LocalModel for each of the two lanes."""

    name = "deskhand"
    bulk_at_once = BULK_AT_ONCE
    bulk_beside_drafts = BULK_AT_ONCE

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._card = ModelCard(name=weights.name, sha256=weights.sha256, context_length=CONTEXT_LENGTH)
        self._process: ModelProcess | None = None
        self._kept: Path | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    def start(self, kept: Path | None = None) -> None:
        weights, self._kept = self._weights, kept
        file = ModelFile(
            name=weights.name, path=weights.path, sha256=weights.sha256, context_length=CONTEXT_LENGTH,
            reuse_passages=weights.reuse_passages,
        )  # fmt: skip
        folder = str(kept) if kept else ""
        self._process = ModelProcess(
            ChildSettings(models=(file,), threads=weights.threads, states_folder=folder), stall_timeout_s=DEADLINE_S
        )
        self._process.start()

    def write(self, ask: Ask) -> Written:
        assert self._process is not None
        model = LocalModel(self._card, self._process, bulk=ask.bulk)
        sampling = Sampling(max_tokens=ask.max_tokens, json_schema=ask.json_schema)
        began = time.monotonic()
        messages = self._arranged(ask, model)
        first_s = 0.0
        token_s: list[float] = []

        def on_token(token: Token) -> None:
            nonlocal first_s
            token_s.append(time.monotonic() - began)
            if token.text and not first_s:
                first_s = token_s[-1]

        stream = model.stream(messages, sampling, tenant=TENANT, deadline_s=DEADLINE_S)
        completion = run_to_end(stream, on_token)
        seconds = time.monotonic() - began
        return Written(
            text=completion.text,
            first_s=first_s or seconds,
            seconds=seconds,
            token_s=tuple(token_s),
            read=completion.prompt_tokens - completion.reused_tokens,
            reused=completion.reused_tokens,
            tokens=completion.completion_tokens,
        )

    def _arranged(self, ask: Ask, model: LocalModel) -> Sequence[ChatMessage]:
        """The ask with its passages in the order the pipeline would choose."""
        if len(ask.orders) < 2 or not self._weights.familiar_gain:
            return ask.messages
        first = next(count for count in itertools.count(1) if math.factorial(count) == len(ask.orders))
        orders = dict(zip(itertools.permutations(range(first)), ask.orders, strict=True))

        def known(order: Sequence[int]) -> int:
            return model.known_tokens(orders[tuple(order)], tenant=TENANT)

        return orders[tuple(arrange(range(first), known, self._weights.familiar_gain))]

    def count(self, text: str) -> int:
        """Tokens of ``text`` in this model's vocabulary, without those of a chat's template."""
        assert self._process is not None
        model = LocalModel(self._card, self._process)
        whole, empty = (
            model.count_tokens((ChatMessage(role="user", content=content),)) for content in (text, "")
        )  # fmt: skip
        return whole - empty

    def keep(self) -> None:
        if self._kept is None:
            return
        seen, since = -1, time.monotonic()
        while time.monotonic() - since < SETTLED_S:
            size = sum(file.stat().st_size for file in self._kept.rglob("*") if file.is_file())
            if size != seen:
                seen, since = size, time.monotonic()
            time.sleep(0.1)

    def stop(self) -> None:
        if self._process is not None:
            self._process.close()
