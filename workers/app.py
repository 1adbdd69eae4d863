"""The Celery worker: one task that carries a job's id, and the relay beside it."""

import threading
from functools import lru_cache

from celery import Celery, shared_task
from celery.signals import worker_ready, worker_shutting_down

from assistant.config import load_settings
from assistant.kernel.errors import ConfigurationError
from assistant.kernel.jobs import RUN_JOB
from assistant.wiring import App
from ingest.wiring import create_ingest
from workers.relay import relay
from workers.tasks import Workshop, run_job

TASK_LIMIT_S = 540
"""Less than a lease, so that a job is never taken over while it still runs."""


def create_workshop(app: App) -> Workshop:
    return Workshop(jobs=app.jobs, ingest=create_ingest(app))


def create_worker(app: App) -> Celery:
    """Celery on the settings' broker, with the relay running in the parent process once it is ready."""
    if app.queue is None:
        raise ConfigurationError(
            "a worker needs a broker", fix="Set DESKHAND_REDIS_URL; without one `deskhand serve` runs the jobs."
        )
    celery = app.queue.celery
    celery.conf.include = [__name__]  # Pool processes are spawned, and import this module to find the task.
    queue, jobs, stop = app.queue, app.jobs, threading.Event()

    def start_relay(**_: object) -> None:
        threading.Thread(target=relay, args=(jobs, queue.wake, stop), name="relay", daemon=True).start()

    def stop_relay(**_: object) -> None:
        stop.set()

    worker_ready.connect(start_relay, weak=False)
    worker_shutting_down.connect(stop_relay, weak=False)
    return celery


@shared_task(name=RUN_JOB, time_limit=TASK_LIMIT_S)  # type: ignore[untyped-decorator]
def run(job_id: str) -> None:
    """Do one job. Everything else is read by its id."""
    run_job(job_id, _workshop())


@lru_cache(maxsize=1)
def _workshop() -> Workshop:
    """What this pool process works with: opened when it gets its first job, kept for the next."""
    return create_workshop(App(load_settings()))
