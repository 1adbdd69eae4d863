"""The child process that makes another quantisation of a GGUF file: llama.cpp may abort, and must not take others along.

``python -m assistant.engine.quantizer plan|write SOURCE TARGET TYPE THREADS``; what it finds goes as lines of JSON to
standard output (``quantize`` has their form), what llama.cpp says of an error to standard error.
"""

import ctypes
import os
import re
import sys

import llama_cpp

from assistant.engine.quantize import Planned, Step

_MIB = 1 << 20
_TENSOR = re.compile(r"^\[\s*(\d+)/\s*(\d+)\].*, type =\s*(\w+),")
_SIZE = re.compile(r"(model|quant) size  =\s*([\d.]+) MiB")
_FALLBACK = re.compile(r"(\d+) of \d+ tensor\(s\) required fallback")
_EXACT = {"f32", "f16", "bf16"}


class Listener:
    """Reads what llama.cpp logs while it works: there is no other way to be told how far it is, or what it does."""

    def __init__(self, *, tell_steps: bool) -> None:
        self._tell_steps = tell_steps
        self.types: set[str] = set()
        self.mib: dict[str, float] = {}
        self.tensors = self.fallbacks = 0
        self.callback = llama_cpp.llama_log_callback(self._hear)

    def _hear(self, level: int, text: bytes, _: ctypes.c_void_p) -> None:
        line = text.decode("utf-8", "replace")
        if level == 4:  # GGML_LOG_LEVEL_ERROR
            sys.stderr.write(line)
        if found := _TENSOR.match(line):
            self.tensors = int(found[2])
            self.types.add(found[3].lower())
            if self._tell_steps:
                print(Step(done=int(found[1]), of=self.tensors).model_dump_json(), flush=True)
        elif found := _SIZE.search(line):
            self.mib[found[1]] = float(found[2])
        elif found := _FALLBACK.search(line):
            self.fallbacks = int(found[1])


def main(mode: str, source: str, target: str, type_: str, threads: int) -> None:
    listener = Listener(tell_steps=mode == "write")
    llama_cpp.llama_log_set(listener.callback, ctypes.c_void_p(0))
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{type_}")
    parameters.nthread = threads
    parameters.allow_requantize = True
    parameters.dry_run = mode == "plan"
    if llama_cpp.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(parameters)) != 0:
        sys.exit(1)
    if mode == "plan":
        rest = os.path.getsize(source) - int(listener.mib["model"] * _MIB)  # noqa: PTH202
        planned = Planned(
            size=int(listener.mib["quant"] * _MIB) + max(rest, 0),
            tensors=listener.tensors,
            fallbacks=listener.fallbacks,
            source_types=tuple(sorted(listener.types - _EXACT)),
        )
        print(planned.model_dump_json(), flush=True)
    elif not _opens(target):
        sys.exit("the file that was written cannot be opened again")


def _opens(path: str) -> bool:
    """Whether llama.cpp finds all tensors inside the file; nothing of them is read."""
    parameters = llama_cpp.llama_model_default_params()
    parameters.vocab_only = True
    model = llama_cpp.llama_model_load_from_file(path.encode(), parameters)
    if model:
        llama_cpp.llama_model_free(model)
    return bool(model)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))
