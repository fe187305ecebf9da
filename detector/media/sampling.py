"""Which frames of a clip are looked at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detector.media.limits import Sampling

Times = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

_FUZZ = 1e-6
"""Of a step: a frame that starts on a tick has it, however its time was rounded."""


def pick(starts: Times, end: float, sampling: Sampling) -> Numbers:
    """The frames that are on the screen at evenly spaced times.

    For n frames the clip is cut into n equal spans of time and the frame on the screen in the middle of each is
    taken, so that the first and the last second count as much as any other. A frame is taken once, however long it
    stays on the screen.

    Args:
        starts: (N,) ascending, when each frame appears, in s.
        end: when the last frame disappears, in s.
        sampling: how many.

    Returns:
        (K,) ascending and unique numbers of frames, 0 <= number < N; K >= 1 where N >= 1.
    """
    if sampling.every or len(starts) == 0:
        return np.arange(len(starts), dtype=np.int64)
    spans = np.append(starts, max(end, starts[-1])) - starts[0]
    if spans[-1] <= 0:
        return np.zeros(1, np.int64)
    if sampling.frames is not None:
        ticks = spans / spans[-1] * sampling.frames - 0.5
    else:
        ticks = spans * float(sampling.fps or 0.0)
    passed = np.ceil(ticks - _FUZZ)
    return np.flatnonzero(np.diff(passed) > 0).astype(np.int64)


def refine(starts: Times, end: float, keys: Numbers) -> Numbers:
    """Every frame once, in an order of which any beginning is spread evenly over the clip: the keys, then the rest.

    The times are those of a van der Corput sequence with Owen's nested scrambling, so that every half, quarter, ...
    of the clip holds as many of the first frames as any other, and within it each is drawn at random: a clip that
    repeats itself cannot be in step with it. The same clip has the same order every time.

    A. B. Owen, "Randomly permuted (t, m, s)-nets and (t, s)-sequences", 1995.

    Args:
        starts: (N,) ascending, when each frame appears, in s.
        end: when the last frame disappears, in s.
        keys: (K,) ascending, the frames at which decoding may start; they cost least.

    Returns:
        (N,), each number once.
    """
    rng = np.random.default_rng(0)
    rest = np.setdiff1d(np.arange(len(starts), dtype=np.int64), keys)
    return np.concatenate([part[_spread(starts[part], end, rng)] for part in (keys, rest)])


def _spread(starts: Times, end: float, rng: np.random.Generator) -> Numbers:
    """The rows of (M,) frames in the order in which scrambled times fall on them; last those that none falls on."""
    cells = np.zeros(1, np.int64)
    while len(cells) < 4 * len(starts):
        half = rng.integers(0, 2, len(cells))
        cells = np.concatenate([2 * cells + half, 2 * cells + 1 - half])
    times = (cells + 0.5) / len(cells) * end
    hit = np.maximum(np.searchsorted(starts, times, side="right") - 1, 0)
    rows, first = np.unique(np.append(hit, np.arange(len(starts))), return_index=True)
    return rows[np.argsort(first)].astype(np.int64)
