"""The child's side: documents come on standard input, each is answered with a line.

Its bounds are the kernel's: memory, processor time, no files written, and no network where the kernel lets a process give it up.
"""

import ctypes
import json
import os
import resource
import select
import sys
import time
from typing import IO

from assistant.kernel.errors import UnreadableDocument
from assistant.text.language import identify_language
from ingest.parse import parse
from ingest.sources.source import Source

_ANY_TEXT = "How do I return a machine that was delivered last week?"
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


def main(memory_mb: int, timeout_s: float, idle_s: float) -> None:
    """Serve until the parent is gone, nothing came for a while, or memory ran out."""
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    identify_language(_ANY_TEXT)  # Loads its model through a file, which is allowed no longer below.
    _lower(resource.RLIMIT_DATA, memory_mb * 1_000_000)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_CORE, 0)
    give_up_network()
    _say(replies, b"ready")
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # Parsers quote what they complain of.
        os.dup2(silence, stream)
    while select.select([requests], [], [], idle_s)[0] and (header := requests.readline()):
        # If the parent is gone, nobody else kills it.
        _lower(resource.RLIMIT_CPU, int(time.process_time() + timeout_s) + 1, for_good=False)
        fields = json.loads(header)
        source = Source(**fields | {"data": requests.read(fields["data"])})
        try:
            _say(replies, _reply(source))
        except MemoryError:
            refusal = {"reason": f"reading it takes more than {memory_mb} MB of memory", "fix": "Split it."}
            _say(replies, json.dumps(refusal).encode())
            return


def give_up_network() -> bool:
    """Move to a network namespace without any network; False where that is not allowed."""
    try:
        unshare = ctypes.CDLL(None).unshare
    except AttributeError:  # Not Linux.
        return False
    return any(unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET))


def _reply(source: Source) -> bytes:
    try:
        return b'{"document":%b}' % parse(source).model_dump_json().encode()
    except UnreadableDocument as error:
        refusal = {"reason": str(error), "fix": error.fix}
    except MemoryError:
        raise
    except RecursionError:
        refusal = {"reason": "it is nested too deeply", "fix": "Save it in a simpler format."}
    except Exception as error:
        refusal = {
            "reason": f"its parser failed ({type(error).__name__})",
            "fix": "Save it again, or in another format.",
        }
    return json.dumps(refusal).encode()


def _say(replies: IO[bytes], line: bytes) -> None:
    replies.write(line + b"\n")
    replies.flush()


def _lower(limit: int, most: int, *, for_good: bool = True) -> None:
    _, hard = resource.getrlimit(limit)
    least = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(limit, (least, least if for_good else hard))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
