"""The unit of work: one file under some conditions, to the numbers that every maker gives of its faces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from detector.benchmark.baselines import MEASURES
from detector.benchmark.extraction.code import FEATURES, code_digest
from detector.benchmark.extraction.meeting import Conditions, Met, Miss, Tools, meet
from detector.benchmark.extraction.store import Unit
from detector.faces import concat_crops, crop_faces
from detector.features import Backbone
from detector.score.judge import describe, versions
from detector.types import VIEWS, FeatureTable, Sample, View
from detector.vae import Reconstructor

OURS = "detector"
EVERY_VIEW = "every view"
"""All that our VAEs see, where the classifier is given less."""
"""The name of our own features among the tables."""
BESIDE = "vae"
"""How the tables of the VAEs beside ours begin."""
FACES_AT_ONCE = 32
"""Faces whose features are computed together."""


@dataclass(frozen=True)
class Task:
    """One file, and what is wanted of it.

    Attributes:
        sample: the file.
        conditions: what is done to it.
        keys: condition -> what its faces are found by.
        wanted: maker -> the conditions under which its numbers are not there yet.
        seed, frames: as of `meet`.
    """

    sample: Sample
    conditions: Conditions
    keys: Mapping[str, str]
    wanted: Mapping[str, Sequence[str]]
    seed: int
    frames: int


@dataclass(frozen=True, eq=False)
class Done:
    """What came of a task: maker -> condition -> the unit."""

    task: Task
    units: Mapping[str, Mapping[str, Unit]]


@dataclass(frozen=True)
class Maker:
    """One approach's numbers: what they depend on beside the faces, in words, and what makes them of the faces."""

    words: str
    make: Callable[[Sequence[Met]], FeatureTable]


def makers_of(tools: Tools) -> dict[str, Maker]:
    """Every maker by its name; those of our own features come first, in the order of the VAEs."""
    found = {}
    for place, model in enumerate((*tools.reconstructors, *tools.beside)):
        own = place < len(tools.reconstructors)
        size = tools.reconstructors[0].size if own else model.size
        backbone = tools.backbone if place == 0 and own else None
        views = tools.views if own and not tools.recipes else VIEWS
        words = f"{versions([model], backbone)} {size} {' '.join(views)} {code_digest(*FEATURES)}"
        name = f"{OURS} {model.name}" if own else f"{BESIDE} {model.name}"
        found[name] = Maker(words, partial(_described, model=model, backbone=backbone, views=views, size=size))
    for name in tools.baselines:
        words = f"{name} {code_digest(*FEATURES, 'benchmark/baselines')}"
        found[name] = Maker(words, partial(_measured, name=name))
    return found


def work(task: Task, tools: Tools) -> Done:
    """Meet the faces of a file once, and let every maker say what it has to."""
    names = {name for wanted in task.wanted.values() for name in wanted}
    conditions = {name: one for name, one in task.conditions.items() if name in names}
    met = meet(task.sample, conditions, tools, task.seed, task.frames)
    makers = makers_of(tools)
    units = {}
    for name, wanted in task.wanted.items():
        seen = [one for one in met if one.condition in wanted]
        table = _table(makers[name], [one for one in seen if isinstance(one, Met)])
        units[name] = {condition: _unit(condition, seen, table) for condition in wanted}
    return Done(task, units)


def _table(maker: Maker, met: Sequence[Met]) -> FeatureTable | None:
    parts = [maker.make(met[start : start + FACES_AT_ONCE]) for start in range(0, len(met), FACES_AT_ONCE)]
    return FeatureTable(np.concatenate([part.values for part in parts]), parts[0].names) if parts else None


def _unit(condition: str, seen: Sequence[Met | Miss], table: FeatureTable | None) -> Unit:
    """The part of what was seen that is of one condition; the table has a row for each face that was met."""
    own = [one for one in seen if one.condition == condition]
    rows = [one.condition == condition for one in seen if isinstance(one, Met)]
    return Unit(
        frames=tuple(one.frame for one in own),
        reasons=tuple(one.reason if isinstance(one, Miss) else "" for one in own),
        table=FeatureTable(table.values[rows], table.names) if table is not None and any(rows) else None,
    )


def _described(
    met: Sequence[Met], model: Reconstructor, backbone: Backbone | None, views: Sequence[View], size: int
) -> FeatureTable:
    crops = [crop_faces(one.made.frame, [one.made.face], size) for one in met]
    numbered = [replace(part, faces=part.faces + row) for row, part in enumerate(crops)]
    return describe(concat_crops(numbered, size), [model], backbone, views)[0]


def _measured(met: Sequence[Met], name: str) -> FeatureTable:
    rows = [MEASURES[name](Path(one.sample.path), one.made) for one in met]
    return FeatureTable(np.array([list(row.values()) for row in rows], np.float32), tuple(rows[0]))
