"""Results -> the tables of a report."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby

import numpy as np

from detector.benchmark.measures.delong import DeLong
from detector.benchmark.measures.evaluate import ALL, Rate
from detector.benchmark.measures.metrics import Estimate
from detector.benchmark.report.document import NOTHING, Block, Cell, Table
from detector.benchmark.run.results import ByName, Entry, Kind, Results

KINDS: dict[Kind, str] = {
    "ours": "ours",
    "control": "fitted controls, which see the same faces",
    "training-free": "training-free recipes",
    "network": "networks trained on the same faces",
    "external": "scores from elsewhere",
    "alarm": "leak alarms, which see only the file: 0.5 is right, except of the file as it was found",
}
CLASSES = ("real", "fake")
FIRST = ("AUC", "frame AUC")


def approaches(results: Results) -> Table:
    """Every metric of every approach, one row each, by kind."""
    found = {name for entry in results.entries for name in entry.metrics}
    named = dict.fromkeys(name for entry in results.entries for name in entry.metrics)
    names = [*(name for name in FIRST if name in found), *(name for name in named if name not in FIRST)]
    heads = ["AUC of clips" if name == "AUC" else name for name in names]
    caption = f"Every approach on the same clips; p is DeLong's, of the same AUC as “{results.ours.name}”"
    blocks = [
        Block(tuple(_approach(entry, names) for entry in results.entries if entry.kind == kind), title)
        for kind, title in KINDS.items()
    ]
    return Table(caption, ("approach", *heads, "coverage", "p"), tuple(block for block in blocks if block.rows))


def _approach(entry: Entry, names: Iterable[str]) -> tuple[Cell, ...]:
    metrics = [Cell.of(entry.metrics.get(name)) for name in names]
    return (Cell(entry.name), *metrics, Cell.of(entry.scored), _p(entry.against))


def _p(test: DeLong | None) -> Cell:
    """p, and by how much the AUC of ours is above this one."""
    if test is None or math.isnan(test.p):
        return Cell(NOTHING)
    return Cell("< 0.001" if test.p < 0.001 else f"{test.p:.3f}", f"ours {test.difference:+.3f}")


def by_generator(results: Results, caption: str, figure: Callable[[Entry], ByName]) -> Table:
    """A figure of every generator (a row) by every approach that has it."""
    entries = [entry for entry in results.entries if figure(entry)]
    names = dict.fromkeys(name for entry in entries for name in figure(entry))
    fakes = results.clips.origins[results.clips.labels == 1]
    counts = {name: len(fakes) if name == ALL else int((fakes == name).sum()) for name in names}
    rows = [
        (Cell(name), Cell(str(counts[name] or NOTHING)), *(Cell.of(figure(entry).get(name)) for entry in entries))
        for name in names
    ]
    return Table(caption, ("generator", "fakes", *(entry.name for entry in entries)), (Block(tuple(rows)),))


def sources(results: Results) -> Table:
    """What is called fake of every real source, and the AUC of all fakes against it."""
    real = results.clips.origins[results.clips.labels == 0]
    entries = [entry for entry in results.entries if entry.sources]
    names = dict.fromkeys([*np.unique(real).tolist(), *(name for entry in entries for name in entry.sources)])
    conditions = list(dict.fromkeys(name for found in results.flagged.values() for name in found))
    rows = [
        (
            Cell(name),
            Cell(str(int((real == name).sum()) or NOTHING)),
            *(Cell.of(results.flagged.get(name, {}).get(condition)) for condition in conditions),
            *(Cell.of(entry.sources.get(name)) for entry in entries),
        )
        for name in names
    ]
    heads = [f"called fake, {condition}" for condition in conditions] + [f"AUC, {entry.name}" for entry in entries]
    return Table("All fakes against each real source", ("real source", "clips", *heads), (Block(tuple(rows)),))


def found_at_threshold(results: Results) -> Table:
    """What is called fake of every generator, under each condition."""
    fakes = set(results.clips.origins[results.clips.labels == 1].tolist())
    flagged = {name: found for name, found in results.flagged.items() if name in fakes}
    caption = f"Called fake at the threshold of {results.threshold:.3f}"
    return _grid(caption, "generator", flagged)


def matrix(results: Results) -> Table:
    """AUC by what was fitted on (a row) and what was tested on."""
    return _grid("AUC by what was fitted on (row) and tested on (column)", "fitted on", results.matrix)


def robustness(results: Results) -> Table:
    """AUC by disturbance and approach."""
    return _grid(
        "AUC of the same faces after each disturbance, mean over the generators", "disturbance", results.robustness
    )


def _grid(
    caption: str, corner: str, found: Mapping[str, Mapping[str, Estimate]] | Mapping[str, Mapping[str, Rate]]
) -> Table:
    columns = list(dict.fromkeys(name for row in found.values() for name in row))
    rows = [(Cell(name), *(Cell.of(row.get(column)) for column in columns)) for name, row in found.items()]
    return Table(caption, (corner, *columns), (Block(tuple(rows)),))


def audit(results: Results) -> Table:
    """False alarms, finds and AUC of every slice, by what they are told apart by."""
    blocks = [
        Block(tuple((Cell(s.name), Cell.of(s.alarms), Cell.of(s.found), Cell.of(s.auc)) for s in slices), by)
        for by, slices in groupby(results.slices, key=lambda one: one.by)
    ]
    head = ("faces", "false alarms", "fakes found", "AUC")
    return Table(f"Errors at the threshold of {results.threshold:.3f}, by kind of face", head, tuple(blocks))


def importance(results: Results) -> Table:
    """What each region adds to the log-odds, the most telling first."""
    ordered = sorted(results.importance.items(), key=lambda item: -item[1])
    rows = [(Cell(region.replace("_", " ")), Cell(f"{value:.3f}")) for region, value in ordered]
    return Table("Mean absolute contribution to the log-odds", ("region", "contribution"), (Block(tuple(rows)),))


def coverage(results: Results) -> Table:
    """The share of files in which a face could be judged, and why the others could not."""
    reasons = list(dict.fromkeys(reason for found in results.missed.values() for reason in found))
    rows = [
        (Cell(origin), Cell.of(rate), *(Cell(str(results.missed.get(origin, {}).get(name, 0))) for name in reasons))
        for origin, rate in results.coverage.items()
    ]
    return Table("Files that could be judged", ("source or generator", "judged", *reasons), (Block(tuple(rows)),))


def mistakes(results: Results) -> Table:
    """The most confident errors."""
    rows = [
        (
            Cell(one.id),
            Cell(f"{one.origin} ({CLASSES[one.label]})"),
            Cell(one.words),
            Cell(f"{one.probability:.3f}"),
        )
        for one in results.mistakes
    ]
    head = ("group", "origin", "what said most", "probability of “fake”")
    return Table("The most confident errors, real faces first", head, (Block(tuple(rows)),), names=3)
