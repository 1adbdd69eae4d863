"""A bare llama_decode loop, run by ``waiting`` in a process of its own: no code of Deskhand, so that only waiting differs.

Prints one line of JSON: prompt tokens and reply tokens a second, and the worst step of the reply, which rates hide.
"""

import ctypes
import json
import sys
import time
from collections.abc import Callable

import llama_cpp

PROMPT, STEP, REPLY = 128, 64, 16


def main(path: str, threads: int) -> None:
    keep = llama_cpp.llama_log_callback(lambda *_: None)
    llama_cpp.llama_log_set(keep, ctypes.c_void_p(0))
    model = llama_cpp.llama_model_load_from_file(path.encode(), llama_cpp.llama_model_default_params())
    settings = llama_cpp.llama_context_default_params()
    settings.n_ctx, settings.n_batch, settings.n_ubatch = 512, STEP, STEP
    settings.n_threads = settings.n_threads_batch = threads
    context = llama_cpp.llama_init_from_model(model, settings)
    batch = llama_cpp.llama_batch_init(STEP, 0, 1)

    def decode(position: int, count: int) -> None:
        batch.n_tokens = count
        for row in range(count):
            batch.token[row] = 100 + 7 * (position + row)
            batch.pos[row] = position + row
            batch.n_seq_id[row] = 1
            batch.seq_id[row][0] = 0
            batch.logits[row] = row == count - 1
        code = llama_cpp.llama_decode(context, batch)
        if code:
            sys.exit(f"llama_decode failed with code {code}")
        llama_cpp.llama_get_logits_ith(context, -1)

    decode(0, STEP)  # The first step repacks and faults pages in.
    decode(STEP, 1)
    llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
    prefill = [_timed(lambda at=at: decode(at, STEP)) for at in range(0, PROMPT, STEP)]  # type: ignore[misc]
    writing = [_timed(lambda at=at: decode(PROMPT + at, 1)) for at in range(REPLY)]  # type: ignore[misc]
    rates = {
        "prefill": PROMPT / sum(prefill),
        "decode": REPLY / sum(writing),
        "worst_step_ms": max(writing) * 1000,
    }
    print(json.dumps(rates))


def _timed(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
