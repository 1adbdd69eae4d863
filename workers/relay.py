"""Finds jobs that are due and not leased, and has them run: what makes a lost wake-up harmless."""

import threading
import time
from collections.abc import Callable

import structlog

from assistant.kernel.errors import DeskhandError
from assistant.ports import JobStore
from workers.tasks import Workshop, run_job

INTERVAL_S = 1.0
AGAIN_S = 30.0
SENT_AT_ONCE = 200
log = structlog.get_logger()


def relay(
    jobs: JobStore,
    wake: Callable[[str], object],
    stop: threading.Event,
    interval_s: float = INTERVAL_S,
    again_s: float = AGAIN_S,
) -> None:
    """Until ``stop`` is set, hand every due job to ``wake``, the same one not again within ``again_s`` seconds.

    Several relays may run: claiming sorts them out.
    """
    sent: dict[str, float] = {}
    while not stop.is_set():
        try:
            now = time.monotonic()
            sent = {job_id: at for job_id, at in sent.items() if now - at < again_s}
            for job_id in jobs.due(SENT_AT_ONCE):
                if job_id in sent or stop.is_set():
                    continue
                sent[job_id] = now
                wake(job_id)
        except DeskhandError as error:
            log.warning("relay failed", error=error.code)
        except Exception:  # The database may be away for a moment; the relay must outlive that.
            log.exception("relay failed")
        stop.wait(interval_s)


class EmbeddedWorker:
    """Runs due jobs on a thread of the service itself, for a machine without a broker."""

    def __init__(self, shop: Workshop) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=relay,
            args=(shop.jobs, lambda job_id: run_job(job_id, shop), self._stop),
            kwargs={"again_s": 0.0},  # A job it comes to again is due again.
            name="jobs",
            daemon=True,
        )

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Finish the job at hand, then stop. A job cut off by force is taken up again when its lease ends."""
        self._stop.set()
        self._thread.join(timeout=30)
