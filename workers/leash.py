"""Runs a command that must not outlive its parent: when standard input closes, it is asked to end, with all it started.

Used as ``python -m workers.leash COMMAND…``. On Linux the command also dies should this process be killed.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

GRACE_S = 20.0
PR_SET_PDEATHSIG = 1


def main() -> None:
    child = subprocess.Popen(
        sys.argv[1:],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_die_with_parent,  # noqa: PLW1509  (this process has one thread now)
    )
    # On a thread: a handler would run inside the wait below, and never see the child end.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=_end, args=(child,), daemon=True).start())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which closes our input.
    threading.Thread(target=_watch, args=(child,), daemon=True).start()
    code = child.wait()
    _kill_group(child)  # What it started and left behind, such as a pool without its parent.
    sys.exit(code if code >= 0 else 128 - code)


def _watch(child: "subprocess.Popen[bytes]") -> None:
    while os.read(0, 4096):
        pass
    _end(child)


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Ask the command to stop; after a while, make it and all it started.

    Asking the whole group would end a worker's pool at once, and the job it is about to finish.
    """
    with contextlib.suppress(ProcessLookupError):
        child.terminate()
    until = time.monotonic() + GRACE_S
    while child.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    _kill_group(child)


def _kill_group(child: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
