"""How every process writes its log: one line an event, with codes and ids, never text of tickets."""

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from assistant.kernel.calibration import Calibration


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


def log_alarms(calibration: Calibration, alarms: tuple[str, ...]) -> None:
    """Drafts or outcomes are no longer like those of a calibration, or are so again."""
    log = structlog.get_logger()
    if alarms:
        log.warning("calibration alarm: the stricter threshold counts", tenant=calibration.tenant, changed=alarms)
    else:
        log.info("calibration alarm over", tenant=calibration.tenant)
