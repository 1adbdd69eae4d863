"""A GGUF file in memory: its weights, its vocabulary, its adapters, and what is needed to move its states."""

import ctypes

import llama_cpp

from assistant.engine.protocol import ModelFile
from assistant.engine.states import Rotation
from assistant.engine.vocabulary import Vocabulary
from assistant.kernel.errors import InputError, ModelFileError

_ROPE_NORMAL, _ROPE_NEOX = 0, 2


class Weights:
    """Loads the file. Raises ModelFileError when it, or one of its adapters, cannot be loaded."""

    def __init__(self, file: ModelFile) -> None:
        self.file = file
        self.on_gpu = file.gpu_layers != 0 and bool(llama_cpp.llama_supports_gpu_offload())
        parameters = llama_cpp.llama_model_default_params()
        parameters.n_gpu_layers = file.gpu_layers if self.on_gpu else 0
        self.handle = llama_cpp.llama_model_load_from_file(file.path.encode(), parameters)
        if not self.handle:
            raise ModelFileError(f"{file.name} cannot be loaded", fix="Run `deskhand models verify`.")
        self.vocabulary = Vocabulary(self.handle)
        self._adapters: dict[str, tuple[int, float]] = {}
        for adapter in file.adapters:
            loaded = llama_cpp.llama_adapter_lora_init(self.handle, adapter.path.encode())
            if not loaded:
                raise ModelFileError(
                    f"the adapter {adapter.name} cannot be used with {file.name}",
                    fix="Check that it was made for this very model, and run `deskhand models verify`.",
                )
            self._adapters[adapter.name] = (loaded, adapter.scale)

    def adapter(self, name: str) -> tuple[int, float]:
        """The adapter's handle and scale. Raises InputError when none is listed by that name."""
        if name not in self._adapters:
            raise InputError(
                f"{self.file.name} has no adapter {name!r}", fix=f"It has: {', '.join(self._adapters) or 'none'}."
            )
        return self._adapters[name]

    def rotation(self) -> Rotation | None:
        """How its keys are turned by position, or None when it is done in a way that is not known here."""
        kind = llama_cpp.llama_model_rope_type(self.handle)
        arch = self._text("general.architecture")
        scaling = self._text(f"{arch}.rope.scaling.type")
        if kind not in (_ROPE_NORMAL, _ROPE_NEOX) or scaling not in ("", "none"):
            return None
        heads = llama_cpp.llama_model_n_head(self.handle)
        head = int(self._text(f"{arch}.attention.key_length") or llama_cpp.llama_model_n_embd(self.handle) // heads)
        width = int(self._text(f"{arch}.rope.dimension_count") or head)
        base = float(self._text(f"{arch}.rope.freq_base") or 10_000.0)
        return Rotation(head=head, width=width, base=base, halves=kind == _ROPE_NEOX)

    def _text(self, key: str) -> str:
        buffer = ctypes.create_string_buffer(256)
        size = llama_cpp.llama_model_meta_val_str(self.handle, key.encode(), buffer, len(buffer))
        return buffer.value.decode() if size >= 0 else ""
