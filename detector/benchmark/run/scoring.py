"""Every approach that can be had scores the tested faces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from detector.benchmark.measures.clips import by_clip
from detector.benchmark.measures.evaluate import Answers
from detector.benchmark.run.approaches import NETWORK, Approach, approaches, external, network
from detector.benchmark.run.external import External
from detector.benchmark.run.gather import Gathered
from detector.benchmark.run.measure import answers_of, enough
from detector.benchmark.run.plan import Plan
from detector.benchmark.run.results import Kind
from detector.classify import FaceClassifier

KINDS: tuple[Kind, ...] = ("ours", "external", "network", "control", "training-free", "alarm")
"""In this order they are told."""


@dataclass(frozen=True, eq=False)
class Scored:
    """What every approach says of the tested rows.

    Attributes:
        approaches: that gave scores, ours first.
        frames, clips: their answers.
        notes: why others gave none, and what score files did not meet.
    """

    approaches: tuple[Approach, ...]
    frames: Answers
    clips: Answers
    notes: tuple[str, ...]


def score(plan: Plan, name: str, gathered: Gathered, told: Mapping[str, External], shipped: FaceClassifier) -> Scored:
    """Let every approach score the rows that are tested."""
    rows = gathered.rows
    found, notes = list(approaches(shipped, rows.tables, plan.kept)), []
    if not enough(gathered.fit, rows):
        found = [one for one in found if one.how is None]
        notes.append(
            "Nothing was fitted: it takes five groups of either class set apart for it, or ten that are tested."
        )
    elif not plan.network:
        notes.append("No network was trained: it was not wanted.")
    elif not gathered.fit.samples:
        notes.append("No network was trained: no split is set apart for that.")
    else:
        found.append(network(plan.work / NETWORK / f"{name}.pt", plan.device))
    for title, one in told.items():
        found.append(external(title, one.of(rows.samples, rows.frames)))
        notes += one.notes
    found.sort(key=lambda one: KINDS.index(one.kind))
    frames = answers_of(rows, {one.name: one.score(gathered.fit, rows) for one in found})
    return Scored(tuple(found), frames, by_clip(frames, rows.videos, plan.protocol.aggregate), tuple(notes))
