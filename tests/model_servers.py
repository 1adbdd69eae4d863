"""Model servers for tests: what OpenAI-compatible servers do over HTTP, each with its own gaps, without any model."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

LLAMA_TEMPLATE_TOKENS = 4
"""What this chat template of one message takes; vLLM counts it, llama-server does not."""


@dataclass
class Habits:
    """How a server differs from one that knows and can do everything."""

    context: int = 512
    refuses: frozenset[str] = frozenset()
    """Fields it answers 400 to, one at a time."""
    error_form: Literal["param", "message", "pydantic"] = "param"
    tokenizer: Literal["", "llama-server", "vllm"] = ""
    failures: list[int | str] = field(default_factory=list)
    """What the next completions end with: a status, ``broken`` before a token, or ``broken later``."""
    headers: Mapping[str, str] = field(default_factory=dict)
    cached_tokens: int = 0
    words: Sequence[str] = tuple(f"word{number} " for number in range(40))
    """What it writes, a token each."""
    before: Callable[[str], object] = lambda _: None
    """What happens first, given the last message of a completion; it may wait."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    """Bodies of completions that were asked for."""
    paths: list[str] = field(default_factory=list)


class _Server(BaseHTTPRequestHandler):
    """Writes the words of its habits, whatever it is asked."""

    habits: Habits

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.habits.paths.append(self.path)
        if self.path == "/tokenize":
            self._tokenize(body)
        elif self.path == "/v1/chat/completions":
            self._complete(body)
        else:
            self.send_error(404)

    def _tokenize(self, body: dict[str, Any]) -> None:
        if self.habits.tokenizer == "llama-server":
            self._answer(200, {"tokens": list(range(len(body["content"].split())))})
        elif self.habits.tokenizer == "vllm":
            words = sum(len(message["content"].split()) + LLAMA_TEMPLATE_TOKENS for message in body["messages"])
            self._answer(200, {"count": words, "max_model_len": self.habits.context, "tokens": list(range(words))})
        else:
            self._answer(404, {"detail": "Not Found"})

    def _complete(self, body: dict[str, Any]) -> None:
        self.habits.asked.append(body)
        self.habits.before(body["messages"][-1]["content"])
        failure = self.habits.failures.pop(0) if self.habits.failures else None
        if isinstance(failure, int):
            self._answer(failure, {"error": {"message": "No more requests for this user", "param": None}})
        elif refused := sorted(self.habits.refuses & body.keys()):
            self._answer(422 if self.habits.error_form == "pydantic" else 400, self._refusal(refused))
        elif len(body["messages"][-1]["content"]) > 4 * self.habits.context:
            self._answer(400, {"error": {"message": "This model's maximum context length is exceeded", "param": None}})
        else:
            self._stream(body, failure)

    def _refusal(self, refused: list[str]) -> object:
        if self.habits.error_form == "pydantic":
            wrong = [{"type": "extra_forbidden", "loc": ["body", name], "input": "…"} for name in refused]
            return {"object": "error", "message": {"detail": wrong}, "param": None}
        message = f"Unrecognized request argument supplied: {refused[0]}"
        param = refused[0] if self.habits.error_form == "param" else None
        return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": None}}

    def _stream(self, body: dict[str, Any], failure: object) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        words = self.habits.words[: body["max_tokens"]]
        self._send({"choices": [{"delta": {"role": "assistant", "content": ""}, "finish_reason": None}]})
        for word in words if failure != "broken" else ():
            choice: dict[str, Any] = {"delta": {"content": word}, "finish_reason": None}
            if body.get("logprobs"):
                choice["logprobs"] = {"content": [{"token": word, "logprob": -0.5}]}
            self._send({"choices": [choice], "error": None})
            if failure == "broken later":
                return
        if failure == "broken":
            return
        finish = "length" if len(words) == body["max_tokens"] else "stop"
        self._send({"choices": [{"delta": {}, "finish_reason": finish}]})
        if body.get("stream_options", {}).get("include_usage"):
            details = {"cached_tokens": self.habits.cached_tokens} if self.habits.cached_tokens else None
            usage = {"prompt_tokens": 21, "completion_tokens": len(words), "prompt_tokens_details": details}
            self._send({"choices": [], "usage": usage})
        self.wfile.write(b"data: [DONE]\n\n")

    def _send(self, event: object) -> None:
        self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")

    def _answer(self, status: int, answer: object) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": len(body),
            **self.habits.headers,
        }.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def handle(self) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # A client that has heard enough.
            super().handle()


@contextmanager
def running_model_server(habits: Habits) -> Iterator[str]:
    """The base URL of a server with these habits, such as http://127.0.0.1:4711/v1."""
    handler = type("Server", (_Server,), {"habits": habits})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
