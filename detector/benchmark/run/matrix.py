"""Fitted on one dataset, tested on another: what a classifier has learnt that is not of its dataset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from detector.benchmark.extraction.task import OURS
from detector.benchmark.measures.clips import by_clip
from detector.benchmark.measures.evaluate import aucs
from detector.benchmark.measures.families import MEAN
from detector.benchmark.measures.metrics import Estimate
from detector.benchmark.run.approaches import FITTED, LINEAR
from detector.benchmark.run.fitting import fitted, fitted_scores
from detector.benchmark.run.gather import Gathered
from detector.benchmark.run.measure import answers_of, enough
from detector.benchmark.run.results import ByName


def matrix(gathered: Mapping[str, Gathered], aggregate: str, folder: Path) -> Mapping[str, ByName]:
    """Mean AUC over the generators, by the dataset that was fitted on and the one that was tested on.

    A dataset is fitted by its training split; where it has none, by what else is tested, and then tested on itself by
    held-out folds. Its column is missing where a class is; its row, where there is too little to fit.
    """
    found: dict[str, dict[str, Estimate]] = {}
    for name, one in gathered.items():
        rows = one.fit if one.fit.samples else one.rows
        if not enough(one.fit, one.rows):
            continue
        classifier = fitted(OURS, LINEAR, rows, folder)
        own = fitted_scores(OURS, LINEAR, folder, one.fit, one.rows)
        found[name] = {}
        for other, tested in gathered.items():
            if len(np.unique(tested.rows.labels)) == 2:
                scores = own if other == name else classifier.probability(tested.rows.tables[OURS])
                clips = by_clip(answers_of(tested.rows, {FITTED: scores}), tested.rows.videos, aggregate)
                found[name] |= {other: aucs(clips, FITTED)[MEAN]}
    return found
