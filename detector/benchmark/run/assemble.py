"""The features of one dataset to everything that a report tells of it."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detector.benchmark.baselines.face_facts import PREFIX
from detector.benchmark.datasets import origin
from detector.benchmark.extraction.code import digest
from detector.benchmark.extraction.extract import Extract
from detector.benchmark.extraction.task import OURS
from detector.benchmark.measures.clips import by_clip
from detector.benchmark.measures.evaluate import Answers, Rate, aucs, flagged
from detector.benchmark.measures.families import MEAN
from detector.benchmark.measures.metrics import Estimate, Scores
from detector.benchmark.run.approaches import (
    ALARMS,
    CONTROL,
    FITTED,
    NETWORK,
    SHIPPED,
    TELLTALES,
    Approach,
    approaches,
    external,
    network,
)
from detector.benchmark.run.audit import disparity, slices
from detector.benchmark.run.data import Data, Parts
from detector.benchmark.run.external import External
from detector.benchmark.run.gather import AS_FOUND, FACTS, PROTOCOL, Gathered
from detector.benchmark.run.measure import answers_of, enough, entry, left_out
from detector.benchmark.run.plan import Plan
from detector.benchmark.run.results import ByName, Kind, Mistake, Results, Slice
from detector.classify import FaceClassifier
from detector.types import FeatureTable, Sample

CHANCE = 0.55
"""A baseline that sees only the file reads it where the whole interval of its AUC is above this."""
ROBUST = (SHIPPED, FITTED, CONTROL)
"""What is put through the robustness grid."""
KINDS: tuple[Kind, ...] = ("ours", "external", "network", "control", "training-free", "alarm")
"""In this order they are told."""
LEFT_OUT = (FITTED, CONTROL)
"""What is fitted again without each generator."""


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
    files = len({sample.video for sample in parts.test})
    blind = {one.name: left_out(one, gathered.fit, gathered.rows) for one in scored.approaches if one.name in LEFT_OUT}
    entries = tuple(
        entry(one, SHIPPED, scored.frames, scored.clips, files, blind.get(one.name, {})) for one in scored.approaches
    )
    audited = audit(gathered, scored, shipped.threshold)
    return Results(
        name=data.name,
        facts=facts,
        alarms=tuple(_alarms(plan, file_aucs(scored), parts)),
        notes=(*scored.notes, *_hidden(plan, file_aucs(scored)), *filter(None, [disparity(audited)])),
        entries=entries,
        threshold=shipped.threshold,
        clips=scored.clips,
        frames=scored.frames,
        ids=tuple(dict.fromkeys(_id(sample, data.root) for sample in gathered.rows.samples)),
        flagged=_flagged(plan, gathered, scored, shipped),
        robustness=robustness(gathered, scored),
        coverage=_coverage(parts.test, gathered.rows),
        missed=_missed(gathered.rows),
        slices=audited,
        importance=_importance(shipped, gathered.rows.tables[OURS]),
        mistakes=tuple(mistakes),
    )


def _id(sample: Sample, root: Path) -> str:
    """Digits that stand for a clip: its name, or its file's path in the dataset."""
    return digest(sample.clip or os.path.relpath(sample.path, root))[:12]


def score(plan: Plan, name: str, gathered: Gathered, told: Mapping[str, External], shipped: FaceClassifier) -> Scored:
    """Let every approach score the rows that are tested."""
    rows = gathered.rows
    known = gathered.fit if gathered.fit.samples else rows
    found, notes = list(approaches(shipped, rows.tables)), []
    if not enough(known):
        found = [one for one in found if one.how is None]
        notes.append("Nothing was fitted: it takes five groups of real faces and five of fakes.")
    elif plan.network and gathered.fit.samples:
        found.append(network(plan.work / NETWORK / f"{name}.pt", plan.device))
    else:
        notes.append(
            "No network was trained: " + ("it was not wanted." if not plan.network else "no split is for that.")
        )
    for title, one in told.items():
        found.append(external(title, one.of(rows.samples, rows.frames)))
        notes += one.notes
    found.sort(key=lambda one: KINDS.index(one.kind))
    frames = answers_of(rows, {one.name: one.score(gathered.fit, rows) for one in found})
    return Scored(tuple(found), frames, by_clip(frames, rows.videos, plan.protocol.aggregate), tuple(notes))


def robustness(gathered: Gathered, scored: Scored) -> dict[str, ByName]:
    """AUC over all generators of each approach of `ROBUST` under each disturbance, on the same faces."""
    names = list(dict.fromkeys(gathered.grid.histories.tolist()))
    ways = [one for one in scored.approaches if one.name in ROBUST]
    found: dict[str, ByName] = {}
    for name in names:
        rows = gathered.grid.where(gathered.grid.histories == name)
        if len(np.unique(rows.labels)) == 2:
            answers = answers_of(rows, {one.name: one.score(gathered.fit, rows) for one in ways})
            found["none" if name == PROTOCOL else name] = {one.name: aucs(answers, one.name)[MEAN] for one in ways}
    return found


def audit(gathered: Gathered, scored: Scored, threshold: float) -> tuple[Slice, ...]:
    """The slices of the clips whose faces were measured as they were found, by the mean of a clip's frames."""
    found = gathered.found
    clips = list(dict.fromkeys(found.videos.tolist()))
    place = {video: number for number, video in enumerate(clips)}
    tested = list(dict.fromkeys(gathered.rows.videos.tolist()))
    both = np.array([video in place for video in tested])
    if not both.any():
        return ()
    values = _unsigned(found.tables[FACTS])
    rows = np.array([place[video] for video in found.videos.tolist()])
    means = np.array([_mean(values[rows == place[video]]) for video in tested if video in place], np.float32)
    return slices(FeatureTable(means, found.tables[FACTS].names), scored.clips.where(both), SHIPPED, threshold)


def _unsigned(facts: FeatureTable) -> Scores:
    """(N, F) facts, angles without their sign: a head that turns both ways is no frontal one."""
    turned = [name.removeprefix(PREFIX) in ("yaw", "roll") for name in facts.names]
    return np.where(turned, np.abs(facts.values), facts.values).astype(np.float64)


def _mean(values: Scores) -> Scores:
    """(F,) means of (K, F) values, over those that are there."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(there, values, 0).sum(axis=0) / there.sum(axis=0), np.float64)


def file_aucs(scored: Scored) -> dict[str, Estimate]:
    """AUC over all fakes of what sees nothing but the file."""
    if len(np.unique(scored.clips.labels)) < 2:
        return {}
    watched = [one.name for one in scored.approaches if one.name in ALARMS + TELLTALES]
    return {name: aucs(scored.clips, name)["all"] for name in watched}


def _alarms(plan: Plan, found: Mapping[str, Estimate], parts: Parts) -> Iterator[str]:
    for name in ALARMS if plan.protocol.hides else ALARMS + TELLTALES:
        if name in found and found[name].low > CHANCE:
            yield (
                f"The figures may be of the files, not of the faces: {name} alone, without a look at any face, has an "
                f"AUC of {found[name]}."
            )
    if parts.leaking:
        group, splits = next(iter(parts.leaking.items()))
        yield (
            f"{len(parts.leaking)} groups lie in the tested split and in another one too, e.g. {group} "
            f"({', '.join(splits)}): whatever was trained on this dataset elsewhere may know them. Nothing of them was "
            "fitted here."
        )


def _hidden(plan: Plan, found: Mapping[str, Estimate]) -> Iterator[str]:
    for name in TELLTALES:
        if name in found and plan.protocol.hides:
            yield f"What the protocol hides: {name} reaches an AUC of {found[name]}."


def _flagged(plan: Plan, gathered: Gathered, scored: Scored, shipped: FaceClassifier) -> dict[str, dict[str, Rate]]:
    """By origin, the share of clips that the threshold calls fake: under the protocol, and as they were found."""
    found = answers_of(gathered.found, {SHIPPED: shipped.probability(gathered.found.tables[OURS])})
    clips = by_clip(found, gathered.found.videos, plan.protocol.aggregate)
    told = {
        PROTOCOL: flagged(scored.clips, SHIPPED, shipped.threshold),
        AS_FOUND: flagged(clips, SHIPPED, shipped.threshold),
    }
    origins = dict.fromkeys(name for rates in told.values() for name in rates)
    return {name: {way: rates[name] for way, rates in told.items() if name in rates} for name in origins}


def _coverage(samples: Sequence[Sample], rows: Extract) -> dict[str, Rate]:
    scored = set(rows.videos.tolist())
    clips = {sample.video: origin(sample) for sample in samples}
    counts = Counter(clips.values())
    hits = Counter(name for video, name in clips.items() if video in scored)
    return {name: Rate(hits[name], count) for name, count in sorted(counts.items())}


def _missed(rows: Extract) -> dict[str, dict[str, int]]:
    """Clips without any face that could be judged, each by the reason that most of its frames have."""
    scored = set(rows.videos.tolist())
    reasons: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for sample, _, reason in rows.missed:
        if sample.video not in scored:
            reasons[origin(sample), sample.video][reason] += 1
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for (name, _), counted in reasons.items():
        found[name][counted.most_common(1)[0][0]] += 1
    return {name: dict(counts) for name, counts in sorted(found.items())}


def _importance(classifier: FaceClassifier, table: FeatureTable) -> dict[str, float]:
    """By region, the mean absolute contribution to the log-odds."""
    moves: defaultdict[str, list[float]] = defaultdict(list)
    for face in classifier.evidence(table):
        for one in face:
            moves[one.region].append(abs(one.contribution))
    return {region: float(np.mean(values)) for region, values in moves.items()}
