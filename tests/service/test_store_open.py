"""Opening a store: its tables, its errors, and several processes at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from detector.errors import ConfigError
from detector.service.store import Store
from detector.service.store.schema import METADATA
from tests.service.orders import submitted

REPOSITORY = Path(__file__).parents[2]


def test_the_migrations_make_the_tables_that_the_code_sees(database_url: str) -> None:
    Store.open(database_url).close()
    engine = create_engine(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_what_was_kept_is_there_after_opening_again(database_url: str) -> None:
    first = Store.open(database_url)
    job = submitted(first)
    first.close()
    second = Store.open(database_url)
    assert second.job(job.id) == job
    second.close()


def test_several_processes_may_open_a_new_database_at_once(database_url: str) -> None:
    script = f"from detector.service.store import Store; Store.open({database_url!r}).add_key('one', ['score'])"
    opening = [subprocess.Popen([sys.executable, "-c", script], cwd=REPOSITORY) for _ in range(4)]
    assert [process.wait(60) for process in opening] == [0] * 4
    store = Store.open(database_url)
    assert len(store.keys()) == 4
    store.close()


def test_sqlite_is_opened_for_readers_beside_a_writer_and_loses_nothing_when_power_fails(tmp_path: Path) -> None:
    path = tmp_path / "a folder" / "100%.db"
    store = Store.open(f"sqlite:///{path}")
    with store._database.reading() as connection:
        pragmas = {
            name: connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "foreign_keys", "synchronous")
        }
    store.close()
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2}
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.usefixtures("no_umask")
def test_only_its_user_can_read_what_sqlite_keeps_whatever_the_umask(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    store = Store.open(f"sqlite:///{folder / 'service.db'}")
    submitted(store)
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes == dict.fromkeys(("service.db", "service.db-wal", "service.db-shm"), 0o600)
    assert folder.stat().st_mode & 0o777 == 0o700
    store.close()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense", "expected an URL such as sqlite:"),
        ("mysql://host/name", "got mysql:"),
        ("sqlite://", "expected sqlite:///FILE"),
        ("sqlite:///:memory:", "expected sqlite:///FILE"),
        ("sqlite:////proc/no/such.db", "cannot be opened"),
        ("postgresql://me:secret@127.0.0.1:1/name", r"me:\*\*\*@127.0.0.1.*cannot be opened"),
    ],
)
def test_a_database_that_cannot_be_opened_is_one_line_without_the_password(url: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as caught:
        Store.open(url)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("something else " * 100)
    with pytest.raises(ConfigError, match="file is not a database"):
        Store.open(f"sqlite:///{path}")


def test_a_database_of_a_newer_version_is_left_alone(database_url: str) -> None:
    store = Store.open(database_url)
    with store._database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '999'"))
    store.close()
    with pytest.raises(ConfigError, match="newer version"):
        Store.open(database_url)


def test_ping_raises_once_the_server_has_gone(postgres_server: str, postgres_url: str) -> None:
    store = Store.open(postgres_url)
    store.ping()
    name = postgres_url.rpartition("/")[2].partition("?")[0]
    engine = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        with pytest.raises(SQLAlchemyError):
            store.ping()
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    store.ping()
    store.close()
