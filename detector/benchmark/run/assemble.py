"""The features of one dataset to everything that a report tells of it."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from detector.benchmark.extraction.code import digest
from detector.benchmark.extraction.task import OURS
from detector.benchmark.measures.evaluate import aucs
from detector.benchmark.measures.families import MEAN
from detector.benchmark.run.alarms import alarms, file_aucs, hidden
from detector.benchmark.run.approaches import CONTROL, FITTED, SHIPPED
from detector.benchmark.run.audit import disparity, slices
from detector.benchmark.run.counts import coverage, flagged_by_origin, missed
from detector.benchmark.run.data import Data, Parts
from detector.benchmark.run.external import External
from detector.benchmark.run.gather import FACTS, PROTOCOL, Gathered
from detector.benchmark.run.measure import answers_of, entry, left_out
from detector.benchmark.run.per_clip import mean_facts
from detector.benchmark.run.plan import Plan
from detector.benchmark.run.results import ByName, Mistake, Results, Slice
from detector.benchmark.run.scoring import Scored, score
from detector.classify import FaceClassifier
from detector.types import FeatureTable, Sample

ROBUST = (SHIPPED, FITTED, CONTROL)
"""What is put through the robustness grid."""
LEFT_OUT = (FITTED, CONTROL)
"""What is fitted again without each generator."""


def assemble(
    plan: Plan,
    parts: Parts,
    gathered: Gathered,
    told: Mapping[str, External],
    facts: Mapping[str, str],
    mistakes: Sequence[Mistake],
    data: Data,
) -> Results:
    """Score and measure everything."""
    shipped = FaceClassifier.load(plan.classifier)
    scored = score(plan, data.name, gathered, told, shipped)
    count, files = len({sample.video for sample in parts.test}), file_aucs(scored)
    blind = {
        one.name: left_out(one, gathered.fit, gathered.rows, plan.kept)
        for one in scored.approaches
        if one.name in LEFT_OUT
    }
    entries = tuple(
        entry(one, SHIPPED, scored.frames, scored.clips, count, blind.get(one.name, {})) for one in scored.approaches
    )
    audited = audit(gathered, scored, shipped.threshold)
    return Results(
        name=data.name,
        facts=facts,
        alarms=tuple(alarms(plan, files, parts)),
        notes=(*scored.notes, *hidden(plan, files), *filter(None, [disparity(audited)])),
        entries=entries,
        threshold=shipped.threshold,
        clips=scored.clips,
        frames=scored.frames,
        ids=tuple(dict.fromkeys(_id(sample, data.root) for sample in gathered.rows.samples)),
        flagged=flagged_by_origin(plan, gathered, scored, shipped),
        robustness=robustness(gathered, scored),
        coverage=coverage(parts.test, gathered.rows),
        missed=missed(gathered.rows),
        slices=audited,
        importance=_importance(shipped, gathered.rows.tables[OURS]),
        mistakes=tuple(mistakes),
    )


def _id(sample: Sample, root: Path) -> str:
    """Digits that stand for a clip: its name, or its file's path in the dataset."""
    return digest(sample.clip or os.path.relpath(sample.path, root))[:12]


def robustness(gathered: Gathered, scored: Scored) -> dict[str, ByName]:
    """Mean AUC over the generators of each approach of `ROBUST` under each disturbance, on the same faces.

    What is fitted has never met a disturbance; where nothing is set apart to be fitted, it is not told.
    """
    if not gathered.grid.samples:
        return {}
    fixed = not gathered.fit.samples
    ways = [one for one in scored.approaches if one.name in ROBUST and not (fixed and one.how)]
    told = answers_of(gathered.grid, {one.name: one.score(gathered.fit, gathered.grid) for one in ways})
    found: dict[str, ByName] = {}
    for name in dict.fromkeys(gathered.grid.histories.tolist()):
        answers = told.where(gathered.grid.histories == name)
        if len(np.unique(answers.labels)) == 2:
            found["none" if name == PROTOCOL else name] = {one.name: aucs(answers, one.name)[MEAN] for one in ways}
    return found


def audit(gathered: Gathered, scored: Scored, threshold: float) -> tuple[Slice, ...]:
    """The slices of the clips whose faces were measured as they were found, too."""
    facts = mean_facts(gathered.found.tables[FACTS], gathered.found.videos)
    tested = list(dict.fromkeys(gathered.rows.videos.tolist()))
    both = np.array([video in facts for video in tested])
    values = np.array([facts[video] for video in tested if video in facts])
    table = FeatureTable(values, gathered.found.tables[FACTS].names)
    return slices(table, scored.clips.where(both), SHIPPED, threshold)


def _importance(classifier: FaceClassifier, table: FeatureTable) -> dict[str, float]:
    """By region, the mean absolute contribution to the log-odds."""
    moves: defaultdict[str, list[float]] = defaultdict(list)
    for face in classifier.evidence(table):
        for one in face:
            moves[one.region].append(abs(one.contribution))
    return {region: float(np.mean(values)) for region, values in moves.items()}
