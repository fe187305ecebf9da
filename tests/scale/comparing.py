"""What two runs say of the same files, side by side."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from detector.score.results import to_json
from detector.types import Report

CLOSE = {"fake_probability": 1e-4, "probability": 1e-4, "interval": 1e-4, "contribution": 1e-3}
"""What a judge computes depends on who else is in its batch, within the rounding of float32: probabilities, and the
log-odds behind them. Everything else must be the same."""


def differences(one: Iterable[Report], other: Iterable[Report]) -> list[str]:
    """Where the reports differ, field by field: all but the time, judgements by more than `CLOSE`."""
    left, right = ({report.path: plain(report) for report in reports} for reports in (one, other))
    return list(_differ(left, right, ""))


def plain(report: Report) -> dict[str, Any]:
    """The fields of a report, but for the time."""
    fields: dict[str, Any] = json.loads(to_json(report))
    del fields["elapsed_s"]
    return fields


def _differ(one: Any, other: Any, where: str) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from _differ(one[key], other[key], f"{where}/{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from _differ(*pair, f"{where}/{number}")
    elif isinstance(one, float) and isinstance(other, float):
        if abs(one - other) > CLOSE.get(where.rstrip("/0123456789").rpartition("/")[2], 0.0):
            yield f"{where}: {one} and {other}"
    elif one != other:
        yield f"{where}: {one!r} and {other!r}"
