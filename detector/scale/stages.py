"""The two kinds of workers of the pipeline. Ray starts them, and starts them again when they die."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import TYPE_CHECKING

import pyarrow as pa

from detector.errors import DetectorError, UsageError
from detector.scale.decoder import Decoder
from detector.scale.errors import ScaleError
from detector.scale.wire import Row, Seen, Told, Unfit, from_table, receive_sight, to_table
from detector.score import Detector
from detector.score.judge import Judge, Judged
from detector.score.judges import full

if TYPE_CHECKING:
    from detector.score.look import Sight

PATH = "path"


class Looker:
    """Paths in, sights out; decoding is done by a child of its own.

    Args:
        load: gives the detector.
        base: the folder from which relative paths are meant.
    """

    def __init__(self, load: Callable[[], Detector], base: str) -> None:
        self._decoder = Decoder(load, base)

    def __call__(self, paths: pa.Table) -> Iterator[pa.Table]:
        """A table a row, as they come: a long video is never whole in memory."""
        for path in paths[PATH].to_pylist():
            for row in self._decoder(path):
                yield to_table([row])


class Judging:
    """Sights in, judgements out; whatever needs no judgement goes through.

    Args:
        load: gives the detector.
    """

    def __init__(self, load: Callable[[], Detector]) -> None:
        import torch

        torch.set_num_threads(1)  # workers share the cores, and what a row says must not depend on how many there are
        self._judges = load().judges

    def __call__(self, rows: pa.Table) -> pa.Table:
        """One row for each, in any order.

        Raises:
            ScaleError: the models failed on every one of several sights: nothing will come of the next ones either.
        """
        all_rows = list(from_table(rows))
        waiting = [row for row in all_rows if isinstance(row.message, Seen)]
        passed = [row for row in all_rows if not isinstance(row.message, Seen)]
        try:
            return to_table([*passed, *(told for part in _parts(waiting) for told in self._judge(part))])
        except DetectorError as error:
            return to_table([Row(Unfit(str(error), isinstance(error, UsageError)))])

    def _judge(self, rows: list[Row]) -> list[Row]:
        """Judge in one batch; where the models fail, each alone, so that one sight fails for itself."""
        began = perf_counter()
        try:
            judged = self._judges.judge([_sight(row) for row in rows])
        except DetectorError:
            raise
        except Exception as error:
            return [_failed(rows[0], error)] if len(rows) == 1 else self._each(rows)
        share = (perf_counter() - began) / len(rows)
        return [_told(row, one, self._judges.judge, share) for row, one in zip(rows, judged, strict=True)]

    def _each(self, rows: list[Row]) -> list[Row]:
        told = [one for row in rows for one in self._judge([row])]
        failures = [row.message.failure for row in told if isinstance(row.message, Told) and row.message.failure]
        if len(failures) == len(rows):
            raise ScaleError(f"the models fail on everything: {failures[0]}")
        return told


def _parts(rows: list[Row]) -> Iterator[list[Row]]:
    """As many rows at once as one machine judges at once."""
    part: list[Row] = []
    for row in rows:
        part.append(row)
        if full([_sight(one) for one in part]):
            yield part
            part = []
    if part:
        yield part


def _sight(row: Row) -> Sight:
    assert isinstance(row.message, Seen)
    assert row.pixels is not None
    return receive_sight(row.message, row.pixels)


def _told(row: Row, judged: Judged, judge: Judge, seconds: float) -> Row:
    seen = row.message
    assert isinstance(seen, Seen)
    told = Told(
        seen.path, seen.number, seen.time_s, judged.faces, judge.classifier.threshold, judge.models, shot=seen.shot
    )
    return Row(told, row.seconds + seconds)


def _failed(row: Row, error: Exception) -> Row:
    seen = row.message
    assert isinstance(seen, Seen)
    return Row(Told(seen.path, seen.number, seen.time_s, (), failure=f"{type(error).__name__}: {error}"), row.seconds)
