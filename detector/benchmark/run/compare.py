"""Two benchmarks side by side: what was chosen otherwise, what came of it, and whether that can be chance."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from detector.benchmark.measures.delong import DeLong, delong
from detector.benchmark.tables import table
from detector.errors import UsageError
from detector.tracking import Recorded

EXPERIMENT = "benchmark"
SCORES = "scores.csv"
"""The artifact with one row a clip: id, group, label, origin, and a column for each approach, ours first."""
COLUMNS = ("id", "group", "label", "origin")
MISSING = "–"

T = TypeVar("T")


class Clip(NamedTuple):
    """What a run knows of a clip: its group, its label, and the score of the first approach, NaN where it has none."""

    group: str
    label: int
    score: float


@dataclass(frozen=True)
class Comparison:
    """What is different between two runs.

    Attributes:
        one, other: the runs.
        test: whether the AUC of ours differs on the same clips; or, in words, why that cannot be told.
    """

    one: Recorded
    other: Recorded
    test: DeLong | str

    @property
    def params(self) -> dict[str, tuple[str | None, str | None]]:
        """Those that differ, by name, in both runs; None where a run lacks one."""
        both = _paired(self.one.params, self.other.params)
        return {name: pair for name, pair in both.items() if pair[0] != pair[1]}

    @property
    def metrics(self) -> dict[str, tuple[float | None, float | None]]:
        """All, by name, in both runs; None where a run lacks one."""
        return _paired(self.one.metrics, self.other.metrics)


def compare(one: Recorded, other: Recorded) -> Comparison:
    """Compare two runs, and test them against each other where both kept the scores of the same clips."""
    try:
        return Comparison(one, other, _tested(_scores(one.artifacts / SCORES), _scores(other.artifacts / SCORES)))
    except UsageError as error:
        return Comparison(one, other, str(error))


def in_markdown(found: Comparison) -> str:
    """Tables of what differs; a difference is the second run less the first."""
    heads = f"{found.one}", f"{found.other}"
    params = [(name, *(MISSING if value is None else value for value in pair)) for name, pair in found.params.items()]
    metrics = [(name, *map(_figure, pair), _figure(_change(*pair), "+")) for name, pair in found.metrics.items()]
    parts = [
        "## Chosen otherwise",
        table(("param", *heads), params) if params else "Nothing.",
        "## Found",
        table(("metric", *heads, "difference"), metrics) if metrics else "No metric.",
        f"AUC of ours on the same clips, the second less the first (DeLong et al. 1988): {found.test}."
        if isinstance(found.test, DeLong)
        else f"No test on the same clips: {found.test}.",
    ]
    return "\n\n".join(parts)


def in_json(found: Comparison) -> str:
    """The same as one JSON object; null stands for what is not there and for what is no finite number."""
    test: dict[str, Any] = {"reason": found.test}
    if isinstance(found.test, DeLong):
        interval = [_finite(end) for end in found.test.interval]
        test = {"difference": found.test.difference, "interval": interval, "p": _finite(found.test.p)}
    runs = ({"id": run.id, "name": run.name, "started": run.started} for run in (found.one, found.other))
    metrics = {
        name: {"values": [_finite(value) for value in pair], "difference": _finite(_change(*pair))}
        for name, pair in found.metrics.items()
    }
    return json.dumps({"runs": list(runs), "params": found.params, "metrics": metrics, "test": test}, indent=2)


def _tested(one: Mapping[str, Clip], other: Mapping[str, Clip]) -> DeLong:
    """The second run less the first, on all clips that have both scores."""
    if one.keys() != other.keys():
        common = len(one.keys() & other.keys())
        raise UsageError(f"{common} clips are in both runs, {len(one)} in the first and {len(other)} in the second")
    if any(one[clip].label != other[clip].label for clip in one):
        raise UsageError("a clip is real in one run and fake in the other")
    labels = np.array([clip.label for clip in one.values()])
    groups = np.array([clip.group for clip in one.values()])
    first, second = (np.array([run[clip].score for clip in one]) for run in (one, other))
    both = ~np.isnan(first) & ~np.isnan(second)
    return delong(labels[both], second[both], first[both], groups[both])


def _scores(path: Path) -> dict[str, Clip]:
    """The clips of a run by their ids."""
    if not path.is_file():
        raise UsageError(f"a run kept no {SCORES}")
    with path.open(newline="", encoding="utf-8") as lines:
        head, *rows = [*csv.reader(lines)] or [[]]
    if tuple(head[: len(COLUMNS)]) != COLUMNS or len(head) == len(COLUMNS):
        raise UsageError(f"{path}: expected the columns {', '.join(COLUMNS)} and one for each approach")
    found = {row[0]: Clip(row[1], int(row[2]), float(row[len(COLUMNS)] or "nan")) for row in rows}
    if len(found) < len(rows):
        raise UsageError(f"{path}: an id is there twice")
    return found


def _paired(one: Mapping[str, T], other: Mapping[str, T]) -> dict[str, tuple[T | None, T | None]]:
    return {name: (one.get(name), other.get(name)) for name in sorted({*one, *other})}


def _change(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else other - one


def _figure(value: float | None, sign: str = "") -> str:
    return MISSING if value is None else f"{value:{sign}.4g}"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
