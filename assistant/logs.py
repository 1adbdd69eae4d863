"""How every process writes its log: one line an event, with codes and ids, never text of tickets."""

import structlog
from structlog.tracebacks import ExceptionDictTransformer


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
