"""The numbers of a report as CSV, exact to the last bit: a script reads back what was measured."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO

from detector.benchmark.measures.evaluate import Rate
from detector.benchmark.measures.metrics import Estimate
from detector.benchmark.run.results import Entry, Results

Row = Sequence[str | int | float]
DIGITS = 8


def metrics(results: Results) -> str:
    """One row a figure: approach, kind, figure, name, value and both ends of its interval."""
    rows = (row for entry in results.entries for row in _figures(entry))
    return _csv(("approach", "kind", "figure", "name", "value", "low", "high"), [*rows, *_of_ours(results)])


def _figures(entry: Entry) -> Iterator[Row]:
    start = (entry.name, entry.kind)
    for figure in ("metrics", "generators", "sources", "found", "left_out"):
        for name, found in getattr(entry, figure).items():
            yield (*start, figure, name, *_ends(found))
    yield (*start, "scored", "clips", *_ends(entry.scored))
    if entry.against is not None:
        yield (*start, "against", "AUC of ours less this", entry.against.difference, *entry.against.interval)
        yield (*start, "against", "p", entry.against.p, "", "")


def _of_ours(results: Results) -> Iterator[Row]:
    """What only ours has: flagged shares, importance, the matrix; and coverage, which is the same for all."""
    start = (results.ours.name, results.ours.kind)
    for origin, conditions in results.flagged.items():
        for condition, rate in conditions.items():
            yield (*start, f"called fake, {condition}", origin, *_ends(rate))
    for origin, rate in results.coverage.items():
        yield (*start, "coverage", origin, *_ends(rate))
    for region, value in results.importance.items():
        yield (*start, "importance", region, value, "", "")
    for fitted, tested in results.matrix.items():
        for name, found in tested.items():
            yield (*start, f"fitted on {fitted}", name, *_ends(found))


def scores(results: Results) -> str:
    """One row a clip: its id, eight digits that stand for its group, label, origin, and the score of every approach."""
    clips = results.clips
    groups = [hashlib.sha256(str(group).encode()).hexdigest()[:DIGITS] for group in clips.groups]
    columns = [
        results.ids,
        groups,
        clips.labels.tolist(),
        clips.origins.tolist(),
        *(s.tolist() for s in clips.probability.values()),
    ]
    return _csv(("id", "group", "label", "origin", *clips.probability), zip(*columns, strict=True))


def robustness(results: Results) -> str:
    """One row a disturbance and approach."""
    rows = (
        (disturbance, approach, *_ends(found))
        for disturbance, by_approach in results.robustness.items()
        for approach, found in by_approach.items()
    )
    return _csv(("disturbance", "approach", "value", "low", "high"), rows)


def slices(results: Results) -> str:
    """One row a slice; empty where there is no real face, or no fake."""
    rows = (
        (one.by, one.name, *_hits(one.alarms), *_hits(one.found), *(_ends(one.auc) if one.auc else ("", "", "")))
        for one in results.slices
    )
    head = ("by", "name", "alarms", "real", "found", "fakes", "auc", "low", "high")
    return _csv(head, rows)


def _hits(rate: Rate | None) -> tuple[str | int, str | int]:
    return ("", "") if rate is None else (rate.hits, rate.count)


def _ends(found: Estimate | Rate) -> tuple[float, float, float]:
    if isinstance(found, Estimate):
        return found.value, found.low, found.high
    if not found.count:
        return float("nan"), float("nan"), float("nan")
    return found.hits / found.count, *found.interval


def _csv(head: Sequence[str], rows: Iterable[Row]) -> str:
    written = StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([f"{cell:.17g}" if isinstance(cell, float) else cell for cell in row] for row in rows)
    return written.getvalue()
