"""Real databases for tests: SQLite, and a PostgreSQL server of the test's own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

WAIT_S = 30.0


@contextmanager
def postgres(folder: Path) -> Generator[str, None, None]:
    """Run a PostgreSQL server that nothing but this machine can reach; gives the URL of an empty database.

    Its data lies in a new folder of the system's own, in memory where there is room, and goes with it. A socket's path
    may have 107 characters; and where root runs the tests, another user runs the server, who could not enter `folder`.

    Args:
        folder: where its log is written.
    """
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin/postgres"), default=None)
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    with (
        tempfile.TemporaryDirectory(prefix="pg", dir=_short_and_fast()) as data,
        (folder / "postgresql.log").open("wb") as log,
    ):
        how: dict[str, Any] = {"cwd": data, "stdout": log, "stderr": subprocess.STDOUT, **_unprivileged(data)}
        initdb = [binaries.with_name("initdb"), "-D", f"{data}/data", "-A", "trust", "-U", "detector", "--no-sync"]
        subprocess.run([*initdb, "-E", "UTF8", "--locale=C"], check=True, **how)
        settings = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200"]
        server = subprocess.Popen([binaries, "-D", f"{data}/data", "-k", data, *settings], **how)
        try:
            yield _url_when_ready(data, server)
        finally:
            server.send_signal(signal.SIGINT)  # a fast shutdown: it waits for nobody
            server.wait(WAIT_S)


@contextmanager
def new_database(server: str) -> Generator[str, None, None]:
    """An empty database on a server; gives its URL."""
    from sqlalchemy import create_engine, make_url, text

    name = f"test_{uuid4().hex}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def _short_and_fast() -> str:
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > 2 * 1024**3 else "/tmp"


def _unprivileged(folder: str) -> dict[str, Any]:
    """How to start a process that may not be root's: PostgreSQL refuses to be."""
    if os.geteuid() != 0:
        return {}
    import pwd

    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _url_when_ready(folder: str, server: subprocess.Popen[bytes]) -> str:
    import psycopg

    until = time.monotonic() + WAIT_S
    while True:
        try:
            psycopg.connect(host=folder, user="detector", dbname="postgres").close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return f"postgresql+psycopg://detector@/postgres?host={folder}"
