"""LanguageModel over any OpenAI-compatible server (vLLM, llama-server, hosted gateways), streaming.

The wire format is OpenAI's ``/chat/completions``. ``top_k``, ``min_p`` and the repeat penalty are no part of it: they
are sent only when they ask for something, so that at their defaults the server's own defaults hold (llama-server's
are top_k 40 and min_p 0.05, and matter only above temperature 0). What a server refuses by name is left out from
then on where a reply is the same without it. A schema is never left out; but a server that ignores
``response_format`` without a word cannot be told from one that heeds it.
"""

from assistant.adapters.openai.model import OpenAIModel

__all__ = ["OpenAIModel"]
