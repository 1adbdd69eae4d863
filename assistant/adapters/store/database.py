"""Opens the database, and brings its schema up to date."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from assistant.kernel.errors import DatabaseError

BUSY_TIMEOUT_MS = 10_000


class Sessions:
    """Units of work. On SQLite ``begin`` takes the write lock at once: a read that turns into a write would
    fail instead of waiting. ``read`` takes none. Inside ``together`` both join its transaction.
    """

    def __init__(self, engine: Engine) -> None:
        self._writing = sessionmaker(engine)
        self._reading = sessionmaker(engine.execution_options(read_only=True))
        self._open: ContextVar[Session | None] = ContextVar("open transaction", default=None)

    @contextmanager
    def together(self) -> Iterator[None]:
        """One transaction around everything this thread does with these sessions; nested, the outer one counts."""
        if self._open.get() is not None:
            yield
            return
        with _errors_named(self._writing) as session:
            token = self._open.set(session)
            try:
                yield
            finally:
                self._open.reset(token)

    def begin(self) -> AbstractContextManager[Session]:
        return self._joined() or _errors_named(self._writing)

    def read(self) -> AbstractContextManager[Session]:
        return self._joined() or _errors_named(self._reading)

    def _joined(self) -> AbstractContextManager[Session] | None:
        session = self._open.get()
        return None if session is None else _flushed(session)


@contextmanager
def _flushed(session: Session) -> Iterator[Session]:
    """A part of an open transaction: what it wrote is seen by the next part."""
    try:
        yield session
        session.flush()
    except SQLAlchemyError as error:
        raise unusable(error) from error


@contextmanager
def _errors_named(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """A transaction whose failures are DatabaseErrors: nothing above knows SQLAlchemy's."""
    try:
        with sessions.begin() as session:
            yield session
    except SQLAlchemyError as error:
        raise unusable(error) from error


def open_database(url: str) -> Engine:
    """An engine for ``sqlite:///path`` or ``postgresql+psycopg://…``. Nothing is connected yet."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseError(
            "DESKHAND_DATABASE_URL is not a database URL",
            fix="Write it like sqlite:////var/lib/deskhand/deskhand.sqlite or postgresql+psycopg://user@host/name.",
        ) from error
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if not parsed.drivername.startswith("sqlite"):
        return create_engine(parsed, pool_pre_ping=True, hide_parameters=True)
    if parsed.database:
        _make_folder(Path(parsed.database).parent)
    engine = create_engine(parsed, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(
            f"the folder {folder} cannot be made: {error.strerror}",
            fix="Set DESKHAND_DATA_DIR to a folder you may write.",
        ) from error


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest revision. Raises DatabaseError when the database cannot be used."""
    try:
        with engine.begin() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except SQLAlchemyError as error:
        raise unusable(error) from error


def pending(engine: Engine) -> bool:
    """Whether the schema is older than this code."""
    try:
        with engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError as error:
        raise unusable(error) from error
    return current != ScriptDirectory.from_config(_config()).get_current_head()


def ping(engine: Engine) -> None:
    """Raise DatabaseError unless a query works."""
    try:
        with engine.execution_options(read_only=True).connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        raise unusable(error) from error


class DatabaseFacts(NamedTuple):
    ok: bool
    detail: str


def inspect_database(engine: Engine) -> DatabaseFacts:
    """What the database is and whether it keeps what it is told. Raises DatabaseError."""
    ping(engine)
    if engine.dialect.name != "sqlite":
        return DatabaseFacts(True, f"{engine.dialect.name} answers")
    with engine.execution_options(read_only=True).connect() as connection:
        journal = connection.execute(text("PRAGMA journal_mode")).scalar()
        synchronous = connection.execute(text("PRAGMA synchronous")).scalar()
        sound = connection.execute(text("PRAGMA quick_check(1)")).scalar()
    full = 2  # https://sqlite.org/pragma.html#pragma_synchronous
    ok = journal == "wal" and synchronous == full and sound == "ok"
    return DatabaseFacts(ok, f"SQLite, journal {journal}, synchronous {synchronous}, integrity {sound}")


def unusable(error: SQLAlchemyError) -> DatabaseError:
    """A DatabaseError that says what the driver said, without SQL parameters."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return DatabaseError(
        f"the database cannot be used: {type(cause).__name__}: {str(cause).splitlines()[0] if str(cause) else ''}",
        fix="Check DESKHAND_DATABASE_URL, that the server runs, and that the disk is not full.",
    )


def utc(at: datetime) -> datetime:
    """A stored time with its zone: SQLite gives times back without one, and all are written in UTC."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _set_pragmas(connection: Any, _: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's BEGIN below, not sqlite3's late one.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Any) -> None:
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
