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
