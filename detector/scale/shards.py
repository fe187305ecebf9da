"""Results in Parquet: a folder of files that are each written whole, so that a run can be cut off at any time.

A row has the fields of `Report`. `faces`, `timeline`, `models` and `warnings` are nested columns rather than JSON: they
keep their types, and a query reads one field of them without parsing the rest.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from detector.errors import UsageError
from detector.scale.columns import schema_of
from detector.scale.errors import ScaleError
from detector.types import Report

SCHEMA = schema_of(Report)
ROWS = 256
AGE_S = 30.0
"""A shard is written when it has `ROWS` rows or its first one waits this long: what a kill can cost."""
_UNFINISHED = ".unfinished-"


class Shards:
    """A folder of results that only grows by whole files; close it, or use it as a context.

    What a killed run left unfinished is removed when the folder is opened. One run at a time may write there.

    Raises:
        UsageError: it is a file, or holds Parquet files of somebody else.
        ScaleError: when something is written: there is no room, or no permission.
    """

    def __init__(self, folder: Path) -> None:
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder}: expected a folder for the results of --engine ray, this is a file")
        self._folder = folder
        for rest in folder.glob(f"{_UNFINISHED}*"):
            rest.unlink()
        self._done = {path for shard in _shards(folder) for path in _read(shard, ["path"])["path"].to_pylist()}
        self._waiting: list[Report] = []
        self._since = 0.0

    def __enter__(self) -> Shards:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __contains__(self, path: str) -> bool:
        """Whether there is a row for the file already."""
        return path in self._done

    def add(self, report: Report) -> None:
        """Take in one row; it is kept once its shard is written."""
        if not self._waiting:
            self._since = monotonic()
        self._waiting.append(report)
        self._done.add(report.path)
        if len(self._waiting) >= ROWS or monotonic() - self._since >= AGE_S:
            self.close()

    def close(self) -> None:
        """Write what waits."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._write(pa.Table.from_pylist([_row(report) for report in waiting], SCHEMA))

    def _write(self, table: pa.Table) -> None:
        """Write a shard beside the others and give it its name, which depends on its content, only when it is whole."""
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        content = sink.getvalue()
        name = hashlib.sha256(content).hexdigest()[:16]
        unfinished = self._folder / f"{_UNFINISHED}{name}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _write_through(unfinished, content)
            unfinished.replace(self._folder / f"part-{name}.parquet")
        except OSError as error:
            with suppress(OSError):
                unfinished.unlink()
            raise ScaleError(
                f"{self._folder}: {len(table)} rows cannot be written: {error.strerror}; all before them are; make "
                "room and run again for the rest"
            ) from error


def read_shards(folder: Path) -> Iterator[dict[str, Any]]:
    """Every row as the object that `to_json` writes a line of.

    Raises:
        UsageError: there is a Parquet file of somebody else.
    """
    for shard in _shards(folder):
        for row in _read(shard, SCHEMA.names).to_pylist():
            yield {**row, "models": dict(row["models"])}


def _shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.parquet"))


def _read(shard: Path, columns: list[str]) -> pa.Table:
    try:
        if pq.read_schema(shard).equals(SCHEMA):
            return pq.read_table(shard, columns=columns)
    except (OSError, pa.ArrowInvalid) as error:
        raise UsageError(f"{shard}: no Parquet that can be read: {error}; move it away") from error
    raise UsageError(f"{shard}: no results of ours, or of another version; name another folder")


def _row(report: Report) -> dict[str, Any]:
    row = asdict(report)
    return {**row, "models": list(row["models"].items())}


def _write_through(path: Path, content: pa.Buffer) -> None:
    """Onto the disk itself: a name must not outlive a power cut that its content does not."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
