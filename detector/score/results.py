"""Reports as JSON Lines: one object a file, appended as they come, so that an interrupted run can go on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from detector.errors import UsageError
from detector.types import Report

_BEGINNING = b'{"path": '


def to_json(report: Report) -> str:
    """One line of JSON with every field of the report."""
    return json.dumps(asdict(report), ensure_ascii=False, allow_nan=False)


class Results:
    """A JSON Lines file of reports that only grows by whole lines.

    A last line that a killed run left unfinished is cut off when the file is opened.

    Raises:
        UsageError: the file exists and is something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done = set(_paths(path))

    def __contains__(self, path: str) -> bool:
        """Whether there is a report for the file already."""
        return path in self._done

    def add(self, report: Report) -> None:
        """Append one report."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(to_json(report) + "\n")
        self._done.add(report.path)


def _paths(path: Path) -> Iterator[str]:
    """The files that have a report; cuts off the beginning of a report that was never finished."""
    whole, newline, rest = path.read_bytes().rpartition(b"\n") if path.exists() else (b"", b"", b"")
    for number, line in enumerate(whole.splitlines(), 1):
        yield _path(line, f"{path}, line {number}")
    if rest:
        if not (rest.startswith(_BEGINNING) or _BEGINNING.startswith(rest)):
            _path(rest, f"{path}, last line")
        os.truncate(path, len(whole) + len(newline))


def _path(line: bytes, where: str) -> str:
    try:
        return str(json.loads(line)["path"])
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{where}: no report of ours; name another file for the results") from error
