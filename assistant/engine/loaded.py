"""A model ready to work: its weights, its slots, and the tasks it makes of requests."""

import time
from pathlib import Path

import llama_cpp

from assistant.engine.pace import Pace
from assistant.engine.protocol import Answer, Count, Generate, ModelFile, Score
from assistant.engine.reading import Reading
from assistant.engine.shelf import Prefixes, Shelf
from assistant.engine.slots import Slots
from assistant.engine.steps import Place, Steps
from assistant.engine.task import Machine, Task
from assistant.engine.weights import Weights
from assistant.engine.writing import Tell, Writing, check_fits, score

SCORING_S = 3_600.0


class LoadedModel:
    """Raises ModelFileError when the file cannot be loaded or there is not enough memory."""

    def __init__(self, file: ModelFile, threads: int, shelf: Shelf) -> None:
        self._file, self._shelf = file, shelf
        self._weights = Weights(file)
        self._slots = Slots(self._weights, threads)
        self._built = f"{llama_cpp.__version__} {llama_cpp.llama_print_system_info().decode()}"  # Not safe for threads.
        self.machine = Machine(self._slots, Pace())

    def count(self, request: Count) -> tuple[int, int]:
        """Tokens of the chat, and how many of them need not be read. Safe from another thread than the one that works."""
        tokens = self._weights.vocabulary.encode_chat(request.messages).tokens
        if request.tenant is None or self._file.reuse_passages or not self._slots.layout:
            return len(tokens), 0
        return len(tokens), self._prefixes(request.adapter, request.tenant).known(tokens)

    def generation(self, request: Generate, tell: Tell) -> Task:
        """The task of writing. Raises InputError when it does not fit, or names an adapter that is not there."""
        prompt = self._weights.vocabulary.encode_chat(request.messages)
        check_fits(len(prompt.tokens), request.sampling.max_tokens, self._slots.context_length)
        if request.adapter:
            self._weights.adapter(request.adapter)
        prefixes = self._prefixes(request.adapter, request.tenant) if self._slots.layout else None

        def begin(place: Place) -> Steps[Answer]:
            reading = Reading(prompt, place, prefixes, join=self._file.reuse_passages)
            return Writing(
                request,
                prompt,
                self._weights.vocabulary,
                reading,
                tell,
                guess=self._file.prompt_lookup and self._slots.can_cut,
            ).run()

        return Task(
            id=request.id,
            model=request.model,
            tenant=request.tenant,
            adapter=request.adapter,
            bulk=request.bulk,
            ends_at=time.monotonic() + request.deadline_s,
            prompt_tokens=len(prompt.tokens),
            reply_tokens=request.sampling.max_tokens,
            begin=begin,
        )

    def scoring(self, request: Score) -> Task:
        """The task of scoring a text. Raises InputError when it does not fit."""
        tokens = self._weights.vocabulary.encode_text(request.text)
        check_fits(len(tokens), 0, self._slots.context_length)
        if request.adapter:
            self._weights.adapter(request.adapter)
        return Task(
            id=request.id,
            model=request.model,
            tenant="",
            adapter=request.adapter,
            bulk=False,
            ends_at=time.monotonic() + SCORING_S,
            prompt_tokens=len(tokens),
            reply_tokens=0,
            begin=lambda _: score(request.id, tokens),
        )

    def _prefixes(self, adapter: str, tenant: str) -> Prefixes:
        """States are of one file, run by this library on this kind of CPU, for one tenant."""
        file = self._file
        used = next((entry for entry in file.adapters if entry.name == adapter), "")
        return Prefixes(
            self._shelf,
            file.sha256 or _looks(file.path),
            file.kv_type,
            str(file.gpu_layers),
            self._built,
            str(used),
            tenant,
        )


def _looks(path: str) -> str:
    """Stands for the content of a file whose hash is not told."""
    facts = Path(path).stat()
    return f"{path} {facts.st_size} {facts.st_mtime_ns}"
