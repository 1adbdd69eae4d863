"""Settings → the stores of one database, each behind its port."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from sqlalchemy import Engine

from assistant.adapters.clock import SystemClock
from assistant.adapters.store.batches import SqlBatchStore
from assistant.adapters.store.calibrations import SqlCalibrationStore
from assistant.adapters.store.database import (
    DatabaseFacts,
    Sessions,
    inspect_database,
    migrate,
    open_database,
    pending,
    ping,
)
from assistant.adapters.store.documents import SqlDocumentStore
from assistant.adapters.store.jobs import SqlJobStore
from assistant.adapters.store.keys import SqlKeyStore
from assistant.adapters.store.letters import SqlCorrespondence, SqlOutbox
from assistant.adapters.store.runs import SqlRunStore
from assistant.adapters.store.scopes import SqlScopeStore
from assistant.adapters.store.uploads import SqlUploadStore
from assistant.config import Settings
from assistant.kernel.errors import ConfigurationError, DatabaseError
from assistant.ports import Transactions


@dataclass(frozen=True)
class Stores:
    """What a process keeps and reads again. Stores are opened when first asked for."""

    settings: Settings

    @cached_property
    def clock(self) -> SystemClock:
        return SystemClock()

    @cached_property
    def engine(self) -> Engine:
        """The database, its schema up to date. SQLite is brought up to date here; a server's by `deskhand init`."""
        engine = open_database(self.settings.database())
        if engine.dialect.name == "sqlite":
            migrate(engine)
        elif pending(engine):
            raise DatabaseError("the database schema is older than this version", fix="Run `deskhand init`.")
        return engine

    def migrate(self) -> None:
        """Bring the database's schema up to date, whichever database it is."""
        migrate(open_database(self.settings.database()))

    def ping(self) -> None:
        """Raises DatabaseError unless the database answers."""
        ping(self.engine)

    def database_facts(self) -> DatabaseFacts:
        """Whether the database can be used safely, for `deskhand doctor`. Raises DatabaseError."""
        return inspect_database(self.engine)

    @cached_property
    def sessions(self) -> Sessions:
        return Sessions(self.engine)

    @cached_property
    def documents(self) -> SqlDocumentStore:
        return SqlDocumentStore(self.sessions, self.clock)

    @cached_property
    def runs(self) -> SqlRunStore:
        return SqlRunStore(self.sessions, self.clock)

    @cached_property
    def calibrations(self) -> SqlCalibrationStore:
        return SqlCalibrationStore(self.sessions)

    @cached_property
    def scopes(self) -> SqlScopeStore:
        return SqlScopeStore(self.sessions)

    @cached_property
    def keys(self) -> SqlKeyStore:
        return SqlKeyStore(self.sessions, self.clock)

    @cached_property
    def transactions(self) -> Transactions:
        return self.sessions

    @cached_property
    def uploads(self) -> SqlUploadStore:
        return SqlUploadStore(self.sessions, self.clock)

    @cached_property
    def letters(self) -> SqlCorrespondence:
        return SqlCorrespondence(self.sessions, self.clock)

    @cached_property
    def outbox(self) -> SqlOutbox:
        return SqlOutbox(self.sessions, self.clock)

    @cached_property
    def batches(self) -> SqlBatchStore:
        return SqlBatchStore(self.sessions, self.clock)

    @cached_property
    def jobs(self) -> SqlJobStore:
        return SqlJobStore(self.sessions, self.clock, timedelta(seconds=self.settings.lease_s))

    @property
    def postgres(self) -> Engine:
        """The database, for an index in it. Raises ConfigurationError when it is another kind."""
        if self.engine.dialect.name != "postgresql":
            raise ConfigurationError(
                "DESKHAND_INDEX=postgres needs a Postgres, and DESKHAND_DATABASE_URL names none",
                fix="Set DESKHAND_DATABASE_URL to a postgresql+psycopg:// URL, or leave DESKHAND_INDEX=folder.",
            )
        return self.engine

    def disconnect(self) -> None:
        if "engine" in self.__dict__:
            self.engine.dispose()
