"""From frames to clips: what several frames of one clip say together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from detector.benchmark.measures.evaluate import Answers
from detector.benchmark.measures.metrics import Groups, Labels, Scores
from detector.errors import UnknownNameError, UsageError

TOP = 0.1
"""The share of a clip's frames that "top-k" listens to, rounded up: 4 of the field's 32."""


def top_mean(scores: Scores) -> float:
    """The mean of the highest `TOP` of (K,) scores: a clip that is fake in part is found, and no one frame decides."""
    k = int(np.ceil(TOP * len(scores)))
    return float(np.sort(scores)[-k:].mean())


AGGREGATES: dict[str, Callable[[Scores], float]] = {
    "mean": lambda scores: float(scores.mean()),
    "max": lambda scores: float(scores.max()),
    "top-k": top_mean,
    "median": lambda scores: float(np.median(scores)),
}
"""How the (K,) scores of a clip's frames, K >= 1 and none NaN, become one."""


def by_clip(answers: Answers, videos: Groups, how: str) -> Answers:
    """Put the frames of every clip together.

    A frame to which an approach gave no score (NaN) is left out of that approach's clip; a clip with none stays NaN.

    Args:
        answers: of N frames.
        videos: (N,) the clip of each frame, by a name that no other clip of the whole dataset has, see `Sample.video`:
            a bare file name is none, because two manipulations of one clip share it.
        how: an entry of `AGGREGATES`.

    Returns:
        answers of the clips, in the order in which they first appear.

    Raises:
        UnknownNameError: no entry has that name.
        UsageError: frames of one clip differ in label, group or origin.
    """
    if how not in AGGREGATES:
        raise UnknownNameError("aggregate", how, AGGREGATES)
    first, clip = _numbered(videos)
    columns: dict[str, Labels | Groups] = {"label": answers.labels, "group": answers.groups, "origin": answers.origins}
    for name, column in columns.items():
        _check_one(name, column, videos, first, clip)
    probability = {
        approach: _put_together(scores, clip, AGGREGATES[how]) for approach, scores in answers.probability.items()
    }
    return Answers(answers.labels[first], answers.groups[first], answers.origins[first], probability)


def _numbered(videos: Groups) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The first row of each clip, ascending, and the number of each row's clip in that order."""
    _, first, clip = np.unique(videos, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return first[order], np.argsort(order)[clip]


def _put_together(scores: Scores, clip: npt.NDArray[np.int64], aggregate: Callable[[Scores], float]) -> Scores:
    order = np.argsort(clip, kind="stable")
    parts = np.split(scores[order], np.cumsum(np.bincount(clip))[:-1])
    given = [part[~np.isnan(part)] for part in parts]
    return np.array([aggregate(part) if len(part) else np.nan for part in given])


def _check_one(
    name: str,
    column: Labels | Groups,
    videos: Groups,
    first: npt.NDArray[np.int64],
    clip: npt.NDArray[np.int64],
) -> None:
    differs = np.flatnonzero(column != column[first][clip])
    if len(differs):
        row = differs[0]
        raise UsageError(
            f"clip {str(videos[row])!r}: expected one {name}, got {column[first[clip[row]]]} and {column[row]}; "
            "give every clip a name of its own"
        )
