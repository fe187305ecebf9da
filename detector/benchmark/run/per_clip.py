"""Facts of frames -> facts of clips."""

from __future__ import annotations

import numpy as np

from detector.benchmark.baselines.face_facts import PREFIX
from detector.benchmark.measures.metrics import Groups
from detector.types import Array, FeatureTable

ANGLES = ("yaw", "roll")


def mean_facts(facts: FeatureTable, videos: Groups) -> dict[str, Array]:
    """By clip, (F,) the mean of its frames' facts, over the frames that have them; NaN where none has.

    Angles count without their sign: a head that turns both ways is no frontal one.

    Args:
        facts: of N frames, as `face_facts` gives them.
        videos: (N,) the clip of each.
    """
    turned = [name.removeprefix(PREFIX) in ANGLES for name in facts.names]
    values = np.where(turned, np.abs(facts.values), facts.values)
    return {str(video): _mean(values[videos == video]) for video in np.unique(videos)}


def _mean(values: Array) -> Array:
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(there, values, 0).sum(axis=0) / there.sum(axis=0), np.float32)
