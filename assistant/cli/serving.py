"""``deskhand serve`` and ``deskhand worker``: the processes of a running Deskhand."""

import os
from typing import Annotated

import structlog
import typer
from structlog.tracebacks import ExceptionDictTransformer

from assistant.cli.session import messages, opened


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Serve the REST API. Without a broker the service also runs its jobs itself."""
    import uvicorn  # Here, because no other command should wait for these to load.

    from assistant.api.app import create_app
    from workers.app import create_workshop
    from workers.relay import EmbeddedWorker

    with opened(host=host, port=port) as desk:
        settings = desk.settings
        set_up_logging(settings.log_format)
        embedded = None if desk.queue is not None else EmbeddedWorker(create_workshop(desk))
        api = create_app(desk)
        if embedded is not None:
            embedded.start()
        shown = "127.0.0.1" if settings.host == "0.0.0.0" else settings.host
        messages.print(f"Deskhand listens on http://{shown}:{settings.port}; API documentation at /docs.")
        try:
            uvicorn.run(api, host=settings.host, port=settings.port, log_config=None, access_log=False)
        finally:
            if embedded is not None:
                embedded.close()


def worker(concurrency: Annotated[int, typer.Option(help="Jobs at a time.")] = 1) -> None:
    """Run jobs from the broker: a Celery worker with its relay."""
    from workers.app import create_worker

    with opened() as desk:
        os.environ["DESKHAND_DATA_DIR"] = str(desk.settings.data)  # For the pool's processes, which see no options.
        set_up_logging(desk.settings.log_format)
        # spawn: a fork after FAISS or torch have run threads hangs.
        create_worker(desk).worker_main(
            [
                "worker",
                "--pool=prefork",
                "--pool-start-method=spawn",
                f"--concurrency={concurrency}",
                "--loglevel=WARNING",
            ]
        )


def set_up_logging(log_format: str) -> None:
    """One line an event, with codes and ids, never text of tickets."""
    renderer = structlog.processors.JSONRenderer() if log_format == "json" else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
            if log_format == "json"
            else structlog.processors.format_exc_info,
            renderer,
        ],
        cache_logger_on_first_use=False,
    )
