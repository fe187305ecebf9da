"""Scores of any other detector, from a CSV file, for the faces of a dataset."""

from __future__ import annotations

import csv
import math
import os
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

import numpy as np
import numpy.typing as npt

from detector.benchmark.datasets.layout import portable
from detector.benchmark.measures.metrics import Scores
from detector.errors import UsageError
from detector.types import Sample

PATHS = ("path", "file", "video")
"""A file has one of these columns; they mean the same."""
SCORES = ("score", "probability_real")
"""It has one of these too. A ``score`` is higher for what is more synthetic, whatever its range; a ``probability_real``
p is the opposite, and counts as 1 - p."""
FRAME = "frame"

Ids = npt.NDArray[np.int64]
Units = dict[str, set[str]]
"""A name as a score file may write it -> the files and clips that it can mean."""


@dataclass(frozen=True)
class External:
    """What a score file says of a dataset.

    Attributes:
        scores: (path of a file, or name of a clip; index of a frame, or None for all) -> score.
        notes: what of the file and of the dataset did not meet, in sentences.
    """

    scores: Mapping[tuple[str, int | None], float]
    notes: tuple[str, ...] = ()

    def of(self, samples: Sequence[Sample], frames: Ids) -> Scores:
        """(N,) scores of rows, higher is more synthetic; NaN where there is none.

        A score of the very frame comes before one of the whole, one of the file before one of its clip.

        Args:
            samples: (N,) of the dataset that the file was read for.
            frames: (N,) index of the frame in its clip.
        """
        return np.array([self._one(*row) for row in zip(samples, frames.tolist(), strict=True)], np.float64)

    def _one(self, sample: Sample, frame: int) -> float:
        keys = [(unit, index) for index in (frame, None) for unit in (sample.path, sample.clip)]
        return next((self.scores[key] for key in keys if key in self.scores), np.nan)


def read_scores(path: Path, samples: Sequence[Sample], root: Path) -> External:
    """Read the scores of another detector for a dataset.

    The CSV file (UTF-8) has one of the columns `PATHS`, one of `SCORES`, and may have `FRAME`: the index of a frame,
    from 0; a score without one is for all frames of its clip. Other columns are passed over.

    A path is relative to the root, or absolute, with / or \\ between its parts. For pictures that are frames of a clip
    it can also be the clip's name or the folder of its frames. A bare name will do where it can only mean one.

    Args:
        path: the file.
        samples: of the dataset.
        root: the folder that the paths are relative to.

    Raises:
        UsageError: the file cannot be read, lacks a column, has a score that is no finite number, a name that can mean
            several, two scores for one thing, or nothing of this dataset.
    """
    exact, bare = _names(samples, root)
    scores: dict[tuple[str, int | None], float] = {}
    strange: dict[str, None] = {}  # a set that keeps its order
    for row in _rows(path):
        if (unit := _meant(row, exact, bare)) is None:
            strange[row.name] = None
        elif scores.setdefault((unit, row.frame), row.score) != row.score:
            raise UsageError(f"{row.place}: {row.name!r} has two scores, {scores[unit, row.frame]} and {row.score}")
    if not scores:
        one, other = next(iter(strange), "nothing"), next(iter(exact), "nothing")
        raise UsageError(f"{path}: no path is of this dataset; it has {one!r}, expected something like {other!r}")
    return External(scores, tuple(_notes(path, samples, {unit for unit, _ in scores}, list(strange))))


@dataclass(frozen=True)
class _Row:
    """One line of a score file: where it is, in words, what it names, of which frame, and its score."""

    place: str
    name: str
    frame: int | None
    score: float


def _rows(path: Path) -> Iterator[_Row]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            table = csv.reader(lines)
            head = [name.strip().lower() for name in next(table, [])]
            name, score = _column(path, head, PATHS), _column(path, head, SCORES)
            for cells in filter(any, table):
                row = dict(zip(head, cells, strict=False))
                yield _row(f"{path}, line {table.line_num}", row, name, score)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; expected a CSV file of scores") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: expected a CSV file in UTF-8: {error}") from error


def _column(path: Path, head: Sequence[str], known: Iterable[str]) -> str:
    found = [name for name in known if name in head]
    if len(found) != 1:
        raise UsageError(f"{path}: expected one column of {', '.join(known)}; got {', '.join(head) or 'nothing'}")
    return found[0]


def _row(place: str, row: Mapping[str, str], name: str, score: str) -> _Row:
    value = _number(place, score, row.get(score, ""))
    fake = 1 - value if score == "probability_real" else value
    return _Row(place, row.get(name, "").strip(), _frame(place, row.get(FRAME, "").strip()), fake)


def _frame(place: str, text: str) -> int | None:
    if not text:
        return None
    number = _number(place, FRAME, text)  # pandas writes 12.0 in a column that has gaps
    if number < 0 or not number.is_integer():
        raise UsageError(f"{place}: {FRAME}: expected an index from 0, got {text!r}")
    return int(number)


def _number(place: str, column: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(f"{place}: {column}: expected a finite number, got {text!r}; leave out what has no score")
    return number


def _names(samples: Sequence[Sample], root: Path) -> tuple[Units, Units]:
    """The full names and the bare names of all files and clips of a dataset."""
    exact: Units = defaultdict(set)
    bare: Units = defaultdict(set)
    for sample in samples:
        file = Path(sample.path)
        names: dict[str, tuple[str, ...]] = {sample.path: _written(file, root)}
        if sample.clip:
            names[sample.clip] = (*_written(file.parent, root), _plain(sample.clip))
        for unit, known in names.items():
            for name in known:
                exact[name].add(unit)
            bare[posixpath.basename(_plain(unit))].add(unit)
    return exact, bare


def _written(place: Path, root: Path) -> tuple[str, str]:
    """A place relative to the root, and absolute; links are not followed."""
    return _plain(os.path.relpath(place, root)), _plain(str(place.absolute()))


def _plain(name: str) -> str:
    """A name in one of its ways: / between its parts, no dots; composed letters, which macOS takes apart."""
    return normalize("NFC", posixpath.normpath(portable(name)))


def _meant(row: _Row, exact: Units, bare: Units) -> str | None:
    """The file or clip that a row names; None where it names none of the dataset."""
    name = _plain(row.name)
    units = exact.get(name) or (bare.get(name) if "/" not in name else None) or ()
    if len(units) > 1:
        one, other = sorted(units)[:2]
        raise UsageError(f"{row.place}: {row.name!r} can mean {one} and {other}; write its path below the root")
    return next(iter(units), None)


def _notes(path: Path, samples: Sequence[Sample], scored: set[str], strange: Sequence[str]) -> Iterator[str]:
    if strange:
        yield f"{path.name}: {len(strange)} paths are not of this dataset and were passed over, e.g. {strange[0]}."
    videos = dict.fromkeys(sample.video for sample in samples)
    has = {sample.video for sample in samples if scored & {sample.path, sample.clip}}
    if missing := [posixpath.basename(portable(video)) for video in videos if video not in has]:
        yield f"{path.name}: {len(missing)} of {len(videos)} clips and pictures have no score, e.g. {missing[0]}."
