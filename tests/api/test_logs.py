"""What the service writes to its log: codes and ids, never the text of a ticket."""

import logging

import pytest
import structlog
from sqlalchemy import text

from assistant.adapters.store.database import Sessions, open_database
from assistant.kernel.errors import DatabaseError
from assistant.logs import set_up_logging

SECRET = "my dog ate the espresso machine"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_trace_holds_no_values_of_variables(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(log_format)
    log = structlog.get_logger()

    def breaks(ticket_text: str) -> None:
        raise RuntimeError(f"a bug met {len(ticket_text)} characters")

    try:
        breaks(SECRET)
    except RuntimeError:
        log.exception("unexpected error")
    structlog.reset_defaults()
    written = capsys.readouterr()
    assert "a bug met" in written.out + written.err
    assert SECRET not in written.out + written.err


def test_a_failed_statement_does_not_show_what_it_carried(caplog: pytest.LogCaptureFixture) -> None:
    engine = open_database("sqlite://")
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(DatabaseError) as raised,
        Sessions(engine).begin() as session,
    ):
        session.execute(text("INSERT INTO nowhere VALUES (:ticket)"), {"ticket": SECRET})
    assert SECRET not in str(raised.value) + str(raised.value.__cause__) + caplog.text
    engine.dispose()
