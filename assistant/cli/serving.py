"""``deskhand serve`` and ``deskhand worker``: the processes of a running Deskhand."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from assistant.cli.session import messages, opened
from assistant.engine.host import short_folder
from assistant.kernel.jobs import Lane
from assistant.logs import set_up_logging
from assistant.wiring import App


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Serve the REST API. Without a broker of your own, one is started beside it, with a worker for each lane."""
    import uvicorn  # Here, because no other command should wait for these to load.

    from assistant.api.app import create_app

    with _staffed() as broker, opened(hosting=True, host=host, port=port, **broker) as desk:
        settings = desk.settings
        api = create_app(desk)
        shown = "127.0.0.1" if settings.host == "0.0.0.0" else settings.host
        messages.print(f"Deskhand listens on http://{shown}:{settings.port}; API documentation at /docs.")
        # uvicorn raises the signal again once it has shut down: as an exit, so that what is below ends in order too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        with models_shared(desk):
            uvicorn.run(api, host=settings.host, port=settings.port, log_config=None, access_log=False)


@contextmanager
def models_shared(desk: App) -> Iterator[None]:
    """Other processes of this machine may use the models of this one."""
    host = desk.model_host()
    host.start()
    try:
        yield
    finally:
        host.close()


@contextmanager
def _staffed() -> Iterator[dict[str, object]]:
    """Broker and workers, unless the settings name a broker; yields the settings that lead to it."""
    from workers.supervisor import LaneWatch, Supervisor, broker, workers

    with opened() as desk:
        set_up_logging(desk.settings.log_format)
        if desk.queue is not None:
            yield {}
            return
        child, url = broker(short_folder(desk.settings.data))
        staff = workers(
            {"DESKHAND_REDIS_URL": url, "DESKHAND_DATA_DIR": str(desk.settings.data), "DESKHAND_GUEST": "true"}
        )
        watch = LaneWatch(desk.jobs, dict(zip(Lane, staff, strict=True)))
        supervisor = Supervisor([child, *staff], watch.look)
        supervisor.start()
        try:
            yield {"redis_url": url}
        finally:
            supervisor.close()


def worker(
    lane: Annotated[list[Lane] | None, typer.Option(help="Which jobs to take; all when left out.")] = None,
    concurrency: Annotated[int, typer.Option(help="Jobs at a time.")] = 1,
) -> None:
    """Run jobs from the broker: a Celery worker with its relay."""
    from workers.app import create_worker

    lanes = lane or list(Lane)
    with opened() as desk:
        os.environ["DESKHAND_DATA_DIR"] = str(desk.settings.data)  # For the pool's processes, which see no options.
        set_up_logging(desk.settings.log_format)
        # spawn: a fork after FAISS or torch have run threads hangs.
        create_worker(desk).worker_main(
            [
                "--quiet",
                "worker",
                "--pool=prefork",
                "--pool-start-method=spawn",
                f"--concurrency={concurrency}",
                f"--queues={','.join(lanes)}",
                f"--hostname={'+'.join(lanes)}-{os.getpid()}@%h",
                "--without-gossip",
                "--without-mingle",
                "--loglevel=WARNING",
            ]
        )
