"""The process of a plain ``llama_cpp.Llama``: one reply after another, drafts before bulk, as a lock would have it.

Asks come as JSON lines on standard input, what is written leaves as JSON lines on standard output.
"""

import json
import os
import queue
import sys
import threading
from typing import Any

from llama_cpp import Llama, LlamaGrammar


def main() -> None:
    settings = json.loads(sys.argv[1])
    out = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    threads = settings["threads"]
    llama = Llama(
        settings["path"],
        n_ctx=settings["context_length"],
        n_batch=512,
        n_ubatch=512,
        n_threads=threads,
        n_threads_batch=threads,
        verbose=False,
    )
    waiting: queue.PriorityQueue[tuple[bool, int, dict[str, Any]]] = queue.PriorityQueue()
    threading.Thread(target=listen, args=(waiting,), daemon=True).start()
    out.write(json.dumps({"event": "ready"}) + "\n")
    while True:
        ask = waiting.get()[-1]
        for event in write(llama, ask):
            out.write(json.dumps({"id": ask["id"], **event}) + "\n")


def listen(waiting: queue.PriorityQueue[tuple[bool, int, dict[str, Any]]]) -> None:
    for line in sys.stdin:
        ask = json.loads(line)
        waiting.put((ask["bulk"], ask["id"], ask))
    os._exit(0)


def write(llama: Any, ask: dict[str, Any]) -> Any:
    """``Llama.generate`` itself: ``create_completion`` would decode the whole reply again for every token."""
    prompt = llama.tokenize(ask["prompt"].encode(), add_bos=False, special=True)
    reused = shared(llama.input_ids[: llama.n_tokens].tolist(), prompt[:-1])
    schema = ask["json_schema"]
    grammar = LlamaGrammar.from_json_schema(json.dumps(schema), verbose=False) if schema else None
    written: list[int] = []
    for token in llama.generate(prompt, temp=0.0, grammar=grammar):
        if token == llama.token_eos() and not ask["fill"]:
            break
        written.append(token)
        yield {"event": "token", "text": llama.detokenize([token]).decode("utf-8", "replace")}
        if len(written) == ask["max_tokens"]:
            break
    text = llama.detokenize(written).decode("utf-8", "replace")
    yield {"event": "end", "text": text, "read": len(prompt) - reused, "reused": reused, "tokens": len(written)}


def shared(before: list[int], prompt: list[int]) -> int:
    """Tokens at the beginning of ``prompt`` that ``Llama`` still has of its last one; it always reads the last token."""
    pairs = enumerate(zip(before, prompt, strict=False))
    return next((at for at, (old, new) in pairs if old != new), min(len(before), len(prompt)))


if __name__ == "__main__":
    main()
