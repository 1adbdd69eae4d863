"""Text to tokens and back, for one model. Safe to use from several threads."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import llama_cpp

from assistant.kernel.errors import ConfigurationError
from assistant.kernel.generation import ChatMessage


@dataclass(frozen=True)
class ChatTokens:
    """A chat as tokens. ``passages`` are the places, (start, end), of pieces that other prompts may share."""

    tokens: Sequence[int]
    passages: tuple[tuple[int, int], ...] = ()


class Vocabulary:
    """A model's tokenizer and chat template."""

    def __init__(self, model: int) -> None:
        self._vocab = llama_cpp.llama_model_get_vocab(model)
        self._template = llama_cpp.llama_model_chat_template(model, None)
        self.size: int = llama_cpp.llama_vocab_n_tokens(self._vocab)
        self.handle = self._vocab

    def encode_chat(self, messages: Sequence[ChatMessage]) -> ChatTokens:
        """Tokens of a chat up to where the assistant begins to write.

        Only the template's own markup may become control tokens: a message that contains ``<|im_end|>``
        gets it as plain characters.
        """
        tokens: list[int] = []
        passages: list[tuple[int, int]] = []
        begin = [llama_cpp.llama_vocab_bos(self._vocab)] if self._begins_texts() else []
        for pieces, is_markup in self._segments(messages):
            for number, piece in enumerate(pieces):
                encoded = self.encode(piece, special=is_markup)
                if not tokens and encoded[:1] != begin:
                    tokens.extend(begin)
                start = len(tokens)
                tokens.extend(encoded)
                if number % 2 and len(tokens) > start:
                    passages.append((start, len(tokens)))
        return ChatTokens(tokens, tuple(passages))

    def encode_text(self, text: str) -> list[int]:
        """Tokens of a text from its beginning, with the token that begins texts where the model has one."""
        tokens = self.encode(text)
        return [llama_cpp.llama_vocab_bos(self._vocab), *tokens] if self._begins_texts() else tokens

    def _begins_texts(self) -> bool:
        return bool(llama_cpp.llama_vocab_get_add_bos(self._vocab))

    def encode(self, text: str, *, special: bool = False) -> list[int]:
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        buffer = (llama_cpp.llama_token * room)()
        count = llama_cpp.llama_tokenize(self._vocab, data, len(data), buffer, room, False, special)
        return list(buffer[:count])

    def piece(self, token: int) -> bytes:
        """The bytes of one token; part of a character when it is split over tokens. Control tokens are empty."""
        buffer = ctypes.create_string_buffer(256)
        size = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, 256, 0, False)
        return buffer.raw[: max(size, 0)]

    def ends(self, token: int) -> bool:
        return bool(llama_cpp.llama_vocab_is_eog(self._vocab, token))

    def _segments(self, messages: Sequence[ChatMessage]) -> list[tuple[tuple[str, ...], bool]]:
        """The rendered template cut into markup (True) and the pieces of message contents (False).

        Placeholders stand in for the contents while llama.cpp applies the template, so that contents can
        be tokenised apart from it.
        """
        if not self._template:
            raise ConfigurationError(
                "the model has no chat template", fix="Choose an instruction-tuned model from `deskhand models list`."
            )
        holders = [f"\u241e{number}\u241f" for number in range(len(messages))]
        chat = (llama_cpp.llama_chat_message * len(messages))(
            *(
                llama_cpp.llama_chat_message(role=message.role.encode(), content=holder.encode())
                for message, holder in zip(messages, holders, strict=True)
            )
        )
        buffer = ctypes.create_string_buffer(4096 + 64 * len(messages))
        size = llama_cpp.llama_chat_apply_template(self._template, chat, len(messages), True, buffer, len(buffer))
        if not 0 < size <= len(buffer):
            raise ConfigurationError("the model's chat template is not known to llama.cpp", fix="Use another model.")
        rest = buffer.raw[:size].decode()
        segments: list[tuple[tuple[str, ...], bool]] = []
        for message, holder in zip(messages, holders, strict=True):
            markup, rest = rest.split(holder, 1)
            segments += [((markup,), True), (message.pieces, False)]
        return [*segments, ((rest,), True)]
