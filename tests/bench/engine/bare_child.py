"""The limit: a bare ``llama_decode`` loop over one text, without a sampler, a template, a scheduler or a pipe.

Reads ``{path, threads, prompts, at_once, steps}`` from its argument, where prompts maps a name to a text; prints
``{"prefill": {name: tokens/s}, "decode": {name: tokens/s}, "batch": {rows: tokens/s}}``.
"""

import ctypes
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import llama_cpp

BATCH = 512
ROW_PROMPT = 48


class Bare:
    """A context with as many sequences as rows are decoded together."""

    def __init__(self, path: str, threads: int, rows: int, context: int) -> None:
        self.model = llama_cpp.llama_model_load_from_file(path.encode(), llama_cpp.llama_model_default_params())
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx, parameters.n_seq_max, parameters.kv_unified = context, rows, True
        parameters.n_batch = parameters.n_ubatch = BATCH
        parameters.n_threads = parameters.n_threads_batch = threads
        self._context = llama_cpp.llama_init_from_model(self.model, parameters)
        self._batch = llama_cpp.llama_batch_init(BATCH, 0, 1)

    def tokens(self, text: str) -> list[int]:
        data = text.encode()
        buffer = (llama_cpp.llama_token * (len(data) + 8))()
        vocabulary = llama_cpp.llama_model_get_vocab(self.model)
        count = llama_cpp.llama_tokenize(vocabulary, data, len(data), buffer, len(buffer), False, False)
        return list(buffer[:count])

    def forget(self) -> None:
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._context), True)

    def read(self, tokens: Sequence[int], row: int = 0) -> None:
        for start in range(0, len(tokens), BATCH):
            part = tokens[start : start + BATCH]
            last = start + len(part) == len(tokens)
            self.decode([(token, start + at, row, last and at == len(part) - 1) for at, token in enumerate(part)])

    def decode(self, rows: Sequence[tuple[int, int, int, bool]]) -> None:
        """Token, position, sequence and whether its logits are wanted."""
        batch = self._batch
        batch.n_tokens = len(rows)
        for at, (token, position, row, wanted) in enumerate(rows):
            batch.token[at], batch.pos[at], batch.n_seq_id[at] = token, position, 1
            batch.seq_id[at][0], batch.logits[at] = row, wanted
        code = llama_cpp.llama_decode(self._context, batch)
        assert code == 0, f"llama_decode gave {code}"
        llama_cpp.llama_synchronize(self._context)


def main() -> None:
    llama_cpp.llama_log_set(_SILENT, ctypes.c_void_p(0))
    print(json.dumps(measure(json.loads(sys.argv[1]))), flush=True)


def measure(settings: dict[str, Any]) -> dict[str, dict[str, float]]:
    steps, rows = settings["steps"], settings["at_once"]
    bare = Bare(settings["path"], settings["threads"], max(rows), settings["context_length"])
    prompts = {name: bare.tokens(text) for name, text in settings["prompts"].items()}
    bare.read(next(iter(prompts.values()))[:64])
    prefill, decode, batch = {}, {}, {}
    for name, tokens in prompts.items():
        bare.forget()
        began = time.monotonic()
        bare.read(tokens)
        prefill[name] = len(tokens) / (time.monotonic() - began)
        decode[name] = write(bare, tokens, steps, [len(tokens)])
    longest = max(prompts.values(), key=len)
    for count in rows:
        bare.forget()
        for row in range(count):
            bare.read(longest[row * 8 : row * 8 + ROW_PROMPT], row)
        batch[str(count)] = write(bare, longest, steps, [ROW_PROMPT] * count)
    return {"prefill": prefill, "decode": decode, "batch": batch}


def write(bare: Bare, tokens: Sequence[int], steps: int, lengths: Sequence[int]) -> float:
    """Tokens a second over all rows, whose lengths so far are given. Which tokens they are costs nothing."""
    began = time.monotonic()
    for step in range(steps):
        token = tokens[step % len(tokens)]
        bare.decode([(token, length + step, row, True) for row, length in enumerate(lengths)])
    return steps * len(lengths) / (time.monotonic() - began)


_SILENT = llama_cpp.llama_log_callback(lambda *_: None)
"""Kept for as long as the process: llama.cpp calls it until the end."""

if __name__ == "__main__":
    main()
