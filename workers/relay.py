"""Finds jobs that are due and not leased, and has them run: what makes a lost wake-up harmless."""

import threading
import time
from collections.abc import Callable

import structlog

from assistant.kernel.errors import DeskhandError
from assistant.kernel.jobs import Lane
from assistant.ports import JobStore

INTERVAL_S = 1.0
AGAIN_S = 15.0
log = structlog.get_logger()


def relay(
    jobs: JobStore,
    wake: Callable[[str, Lane], object],
    stop: threading.Event,
    interval_s: float = INTERVAL_S,
    again_s: float = AGAIN_S,
) -> None:
    """Until ``stop`` is set, hand every due job to ``wake``; one that stays due, again after ``again_s`` seconds.

    The pause doubles for each time a job was sent, so that a long queue is not filled with repetitions.
    Several relays may run: claiming sorts them out.
    """
    sent: dict[str, tuple[float, int]] = {}
    while not stop.is_set():
        try:
            due = {item.id: item.lane for item in jobs.due()}
            sent = {job_id: known for job_id, known in sent.items() if job_id in due}
            for job_id, lane in due.items():
                at, times = sent.get(job_id, (0.0, 0))
                now = time.monotonic()
                if times and now - at < again_s * 2 ** min(times - 1, 6):
                    continue
                sent[job_id] = now, times + 1
                wake(job_id, lane)
        except DeskhandError as error:
            log.warning("relay failed", error=error.code)
        except Exception:  # The database may be away for a moment; the relay must outlive that.
            log.exception("relay failed")
        stop.wait(interval_s)
