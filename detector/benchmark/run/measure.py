"""Scores to figures: what is told of one approach, of frames and of clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from detector.benchmark.extraction.extract import Extract
from detector.benchmark.measures.delong import DeLong, delong
from detector.benchmark.measures.evaluate import Answers, Rate, aucs, found_at
from detector.benchmark.measures.families import drawn_blind, drawn_sources
from detector.benchmark.measures.held_out import (
    NOTHING,
    HeldOut,
    Known,
    Recipe,
    fold_scores,
    split_scores,
)
from detector.benchmark.measures.metrics import (
    METRICS,
    Estimate,
    Scores,
    accuracy_at,
    auc,
    balanced_accuracy_at,
    estimate,
)
from detector.benchmark.run.approaches import Approach
from detector.benchmark.run.fitting import fitted, kept_scores, key_of
from detector.benchmark.run.results import ByName, Entry
from detector.classify import FaceClassifier
from detector.errors import UsageError

RESAMPLES = 300
FPR = 0.05
OF_PROBABILITIES = ("Brier", "ECE")
"""Metrics that mean nothing of other scores."""
PROBABLE = ("ours", "control", "alarm", "network")
"""The kinds whose scores are probabilities."""


def answers_of(rows: Extract, scores: Mapping[str, Scores]) -> Answers:
    """What approaches say of the frames of an extract."""
    return Answers(rows.labels, rows.groups, rows.origins, scores)


def entry(approach: Approach, ours: str, frames: Answers, clips: Answers, files: int, left_out: ByName) -> Entry:
    """Everything that is told of one approach.

    Args:
        approach: which.
        ours: the approach that it is tested against.
        frames, clips: the answers of all approaches.
        files: how many clips there are, with or without a face that could be judged.
        left_out: AUC of each generator by classifiers that never met it.
    """
    name = approach.name
    some = clips.where(~np.isnan(clips.probability[name]))
    both = len(np.unique(some.labels)) == 2
    return Entry(
        name=name,
        kind=approach.kind,
        about=approach.about,
        metrics=_metrics(approach, some, frames) if both else {},
        generators=aucs(some, name) if both else {},
        sources=drawn_sources(some.held(name)).estimates() if both else {},
        found=found_at(some, name, FPR) if both else {},
        scored=Rate(len(some.labels), files),
        left_out=left_out,
        against=None if name == ours else _against(some, ours, name),
    )


def _metrics(approach: Approach, clips: Answers, frames: Answers) -> dict[str, Estimate]:
    name = approach.name
    told = frames.where(~np.isnan(frames.probability[name]))
    wanted = {key: one for key, one in METRICS.items() if key not in OF_PROBABILITIES or approach.kind in PROBABLE}
    if approach.threshold is not None:
        wanted["accuracy"] = partial(accuracy_at, threshold=approach.threshold)
        wanted["balanced accuracy"] = partial(balanced_accuracy_at, threshold=approach.threshold)
    found = {
        key: estimate(metric, clips.labels, clips.probability[name], clips.groups, RESAMPLES)
        for key, metric in wanted.items()
    }
    frame = estimate(auc, told.labels, told.probability[name], told.groups, RESAMPLES)
    return {"AUC": found.pop("AUC"), "frame AUC": frame, **found}


def _against(clips: Answers, ours: str, name: str) -> DeLong | None:
    """The test on the clips that both gave a score; None where there are too few for one."""
    both = clips.where(~np.isnan(clips.probability[ours]))
    try:
        return delong(both.labels, both.probability[ours], both.probability[name], both.groups)
    except UsageError:
        return None


def left_out(approach: Approach, fit: Extract, rows: Extract, folder: Path) -> ByName:
    """AUC of each generator by classifiers that met nothing of it (LOFO), with the choice made on all that is fitted.

    Where nothing is set apart to be fitted, the rows themselves are scored on held-out folds.
    """
    how = approach.how
    known = [part for part in (fit, rows) if part.samples]
    if how is None or not enough(fit, rows):
        return {}
    generators = np.unique(known[0].origins[known[0].labels == 1])
    if len(generators) < 2:  # without the only one there is nothing to fit
        return {}
    path = folder / f"{key_of(approach.table, how, *known)}.npz"
    scores = kept_scores(path, lambda: _blind(approach.table, fitted(approach.table, how, known[0], folder), known))
    held = HeldOut(rows.labels, rows.groups, rows.origins, scores)
    return drawn_blind(_by_clip(held, rows)).estimates()


def _blind(table: str, chosen: FaceClassifier, known: Sequence[Extract]) -> Mapping[str, Scores]:
    """Scores of the last of the extracts by what was left out of the first one: `NOTHING`, and each generator."""
    recipe = Recipe(chosen.about["candidate"], float(chosen.about["strength"]))
    values = np.concatenate([part.tables[table].values for part in known])
    trains = np.concatenate([np.full(len(part.samples), part is known[0]) for part in known])
    counts = np.concatenate([np.full(len(part.samples), part is known[-1]) for part in known])
    both = Known(
        np.concatenate([part.labels for part in known]),
        np.concatenate([part.groups for part in known]),
        np.concatenate([part.origins for part in known]),
        trains,
        counts,
    )
    names = (NOTHING, *both.families)
    if len(known) == 1:
        return fold_scores(values, both, recipe, names).scores
    return split_scores(values, both, recipe, counts, names).scores


def _by_clip(held: HeldOut, rows: Extract) -> HeldOut:
    """The mean score of each clip's frames; margins have no other aggregate that means the same."""
    _, first, clip = np.unique(rows.videos, return_index=True, return_inverse=True)
    count = np.bincount(clip)
    scores = {name: np.bincount(clip, one) / count for name, one in held.scores.items()}
    return HeldOut(held.labels[first], held.groups[first], held.origins[first], scores)


FEWEST = {True: 5, False: 10}
"""Groups of either class that it takes to fit: where they are set apart for it, and where folds are held out."""


def enough(fit: Extract, rows: Extract) -> bool:
    """Whether a classifier can be fitted on `fit` or, where that is empty, on folds of `rows`."""
    known = fit if fit.samples else rows
    fewest = FEWEST[bool(fit.samples)]
    return all(len(np.unique(known.groups[known.labels == label])) >= fewest for label in (0, 1))
