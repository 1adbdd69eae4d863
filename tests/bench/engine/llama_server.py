"""llama-server over its loopback HTTP, with the settings that suit this work best."""

import json
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx2

from assistant.kernel.value import Value
from tests.bench.engine.contestants import (
    CONTEXT_LENGTH,
    Ask,
    ContestantEnded,
    RivalProcess,
    Weights,
    Written,
    chat_text,
)  # fmt: skip


class ServerSettings(Value):
    """Continuous batching and the host's prompt cache are always on.

    Of the 8,956 prompt tokens of ten drafts drawn by the Zipf law 5,939 were read with 8 slots, with ``cache_reuse`` 0 and
    with 32 alike. Ten drafts one by one took 48 s with 8 slots and batches of 512, 46 s with 4 and 128, 47 s with 4 and 512;
    eight at once 42, 34 and 34 s (19 by llama_cpp.Llama), sixteen summaries 45, 44 and 44 s (0.5B Q4_0, one round each, 2026-11-22).
    """

    slots: int = 8
    batch: int = 2048
    ubatch: int = 512
    cache_reuse: int = 32
    cache_ram_mib: int = 4096


class LlamaServer:
    """A free slot or two are left for drafts while bulk work runs: it has no priorities."""

    name = "llama-server"

    def __init__(self, weights: Weights, settings: ServerSettings = ServerSettings()) -> None:
        self._weights, self._settings = weights, settings
        self._own = tempfile.TemporaryDirectory(prefix="llama-server-")

    @staticmethod
    def installed() -> bool:
        return find_spec("xllamacpp") is not None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def bulk_at_once(self) -> int:
        return self._settings.slots

    @property
    def bulk_beside_drafts(self) -> int:
        return max(1, self._settings.slots - 2)

    def start(self, kept: Path | None = None) -> None:
        """With what ``keep`` saved in ``kept`` already back in its slots."""
        self._kept = kept
        weights = self._weights
        self._process = RivalProcess(
            "llama_server_child",
            {
                "path": weights.path,
                "threads": weights.threads,
                "context_length": CONTEXT_LENGTH,
                "slots_folder": f"{kept or self._own.name}/",
                **self._settings.model_dump(),
            },
        )
        address = json.loads(self._process.greeting)["address"]
        self._client = httpx2.Client(base_url=address, timeout=1_800, limits=httpx2.Limits(max_connections=64))
        for slot, file in self._saved():
            if file.exists():
                self._slot(slot, "restore", file.name)

    def write(self, ask: Ask) -> Written:
        body: dict[str, Any] = {
            "prompt": chat_text(ask.messages),
            "n_predict": ask.max_tokens,
            "temperature": 0,
            "samplers": ["top_k"],
            "top_k": 1,
            "stream": True,
            "cache_prompt": True,
        }
        body |= {"json_schema": ask.json_schema} if ask.json_schema else {"ignore_eos": ask.fill}
        try:
            return self._stream(body)
        except httpx2.HTTPError as error:
            raise ContestantEnded(f"{self.name}: {type(error).__name__}") from error

    def keep(self) -> None:
        for slot, file in self._saved():
            self._slot(slot, "save", file.name)

    def stop(self) -> None:
        self._process.stop()
        self._client.close()

    def _stream(self, body: dict[str, Any]) -> Written:
        began, first_s = time.monotonic(), 0.0
        parts, token_s = list[str](), list[float]()
        with self._client.stream("POST", "/completion", json=body) as response:
            response.raise_for_status()
            for line in response.iter_lines():
                if not line.startswith("data: "):
                    continue
                event = json.loads(line.removeprefix("data: "))
                seconds = time.monotonic() - began
                parts.append(event["content"])
                token_s.append(seconds)
                if event["content"] and not first_s:
                    first_s = seconds
                if event["stop"]:
                    timings = event["timings"]
                    return Written(
                        text="".join(parts),
                        first_s=first_s or seconds,
                        seconds=seconds,
                        token_s=tuple(token_s),
                        read=timings["prompt_n"],
                        reused=timings["cache_n"],
                        tokens=timings["predicted_n"],
                    )
        raise ContestantEnded(f"{self.name} ended in the middle of a reply")

    def _slot(self, slot: int, action: str, filename: str) -> None:
        self._client.post(f"/slots/{slot}?action={action}", json={"filename": filename}).raise_for_status()

    def _saved(self) -> list[tuple[int, Path]]:
        """The slots and their files, where a folder was given."""
        folder = self._kept
        return [(slot, folder / f"slot-{slot}.bin") for slot in range(self._settings.slots)] if folder else []
