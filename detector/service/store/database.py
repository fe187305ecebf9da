"""One database, SQLite or PostgreSQL: how it is opened, read and written.

SQLite: WAL, so that readers never wait; every write takes the one write lock when it begins. PostgreSQL: reads see one
snapshot; writes lock rows, items before jobs and each kind in the order of its ids, so that none wait in a ring.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select, text
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError

from detector.errors import ConfigError

WAIT_S = 30.0
MIGRATION, SUBMISSION, REVIEW = 1, 2, 3
"""PostgreSQL's advisory locks: what only one transaction at a time may do. SQLite has one writer anyway."""

_MIGRATING = Lock()  # Alembic keeps the migration under way in global variables


class Database:
    """Connections to one database, with a clock."""

    def __init__(self, engine: Engine, clock: Callable[[], float]) -> None:
        self._engine, self._clock = engine, clock
        self._is_sqlite = engine.dialect.name == "sqlite"
        reads, writes = ("DEFERRED", "IMMEDIATE") if self._is_sqlite else ("REPEATABLE READ", "READ COMMITTED")
        option = "begin" if self._is_sqlite else "isolation_level"
        self._reader = engine.execution_options(**{option: reads})
        self._writer = engine.execution_options(**{option: writes})
        # Threads wait here in turn; SQLite would let them sleep and try again.
        self._turn: AbstractContextManager[Any] = Lock() if self._is_sqlite else nullcontext()

    @classmethod
    def open(cls, url: str, clock: Callable[[], float]) -> Database:
        """Connect, and bring the tables up to date; several processes may do so at once.

        Raises:
            ConfigError: not an address of a database that is known here, or one that cannot be reached.
        """
        address = _address(url)
        with _in_one_line(address.render_as_string()), ExitStack() as undo:
            database = cls(_engine(address), clock)
            undo.callback(database.close)
            database._migrate()
            undo.pop_all()
        return database

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock()

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that sees one state of the database, whatever others write meanwhile."""
        return self._reader.begin()

    @contextmanager
    def writing(self) -> Generator[Connection, None, None]:
        """A transaction that is written as a whole, or not at all."""
        with self._turn, self._writer.begin() as connection:
            yield connection

    def alone(self, connection: Connection, what: int) -> None:
        """Wait until no other transaction does `what`; until the end of this one, none will."""
        if not self._is_sqlite:
            connection.execute(select(func.pg_advisory_xact_lock(what)))

    def _migrate(self) -> None:
        if self._is_sqlite:
            _write_ahead(self._engine)
        config = Config()
        config.set_main_option("script_location", "detector.service.store:migrations")
        config.set_main_option("path_separator", "os")
        with _MIGRATING, self.writing() as connection:
            self.alone(connection, MIGRATION)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


@contextmanager
def _in_one_line(address: str) -> Generator[None, None, None]:
    """What goes wrong while opening, as a `ConfigError`."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        why = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise ConfigError(
            f"database {address}: cannot be opened ({why}); is the address right, the server up?"
        ) from error
    except CommandError as error:
        raise ConfigError(f"database {address}: made by a newer version of this program ({error})") from error


def _address(url: str) -> URL:
    """The URL with its driver."""
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise ConfigError("database: expected an URL such as sqlite:////var/lib/detector/service.db") from error
    drivers = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
    kind = address.drivername.partition("+")[0]
    if kind not in drivers:
        raise ConfigError(f"database: expected an URL that begins with sqlite: or postgresql:, got {kind}:")
    if kind == "sqlite" and address.database in (None, "", ":memory:"):
        raise ConfigError("database: expected sqlite:///FILE, where several processes can meet, got no file")
    return address.set(drivername=drivers[kind])


def _engine(address: URL) -> Engine:
    serializer = partial(json.dumps, allow_nan=False)
    if address.drivername != "sqlite":
        timeout = {"connect_timeout": 10}
        return create_engine(address, json_serializer=serializer, pool_pre_ping=True, connect_args=timeout)
    _make_private(Path(address.database or "").absolute())
    engine = create_engine(address, json_serializer=serializer, connect_args={"timeout": WAIT_S})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _make_private(path: Path) -> None:
    """Make the file where it is not there, for its user alone; SQLite gives what it puts beside it the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)


def _prepare(connection: Any, record: object) -> None:  # noqa: ARG001
    """Leave transactions to us: Python's driver would begin them late, and end them early."""
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    """A writer takes the write lock at once: one that read first could not wait for it any more."""
    if kind := connection.get_execution_options()["begin"]:
        connection.exec_driver_sql(f"BEGIN {kind}")


def _write_ahead(engine: Engine) -> None:
    """Switch the file to WAL, for good. SQLite does not wait here when others open it too, so we do."""
    until = time.monotonic() + WAIT_S
    with engine.connect().execution_options(begin=None) as connection:
        while True:
            try:
                connection.execute(text("PRAGMA journal_mode = WAL"))
                return
            except OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)
