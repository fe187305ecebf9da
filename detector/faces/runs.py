"""One face without a longer gap: patches of frames that wait to become a clip."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from detector.faces.crops import cut
from detector.faces.stabilise import MARGIN, SMOOTH_S, smoothed, upright, warped
from detector.types import Array, Clip, Face, Frame, Pixels

MAX_GAP_S = 0.25
"""A face that was not found for longer ends its clip; the landmarks of a shorter gap are interpolated."""
MAX_STEP_S = 1.5
"""Frames further apart than this show no motion: they are of different clips."""
MAX_GROWTH = 1.25
"""A face that is this much larger or smaller than the run's scale was set for begins another clip."""

_STRETCH = 3.0
"""A step this many times the usual one is a jump; below `MAX_GAP_S` it is a dropped frame."""
_GENEROUS = 1.8
"""Side of a patch in windows: room for any turn (the root of 2), for growth and for what moves in a gap."""
_FINE = 2
"""A patch has at most so many times the scale of the clip."""


@dataclass(frozen=True, eq=False)
class _View:
    """What was cut out of one frame.

    Attributes:
        patch: (P, P, 3) uint8.
        corner: (2,) x y of its corner in the frame, px.
        scale: px of the patch for each px of the frame.
        time_s: of the frame.
        face: None while it is not known where it is: the patch then lies where it was last.
    """

    patch: Pixels
    corner: npt.NDArray[np.float64]
    scale: float
    time_s: float
    face: Face | None


class Run:
    """The views of one track, up to two clips of them.

    Args:
        track: its number; shot: that of its shot.
        size: S, the side of a clip's window in px.
        length: the most frames of a clip.
    """

    def __init__(self, track: int, shot: int, size: int, length: int) -> None:
        self._track, self._shot, self._size, self._length = track, shot, size, length
        self._views: list[_View] = []
        self._before: deque[tuple[float, Face]] = deque(maxlen=length)
        self._steps: deque[float] = deque(maxlen=length)
        self._face_px: float | None = None
        self._first_px = 0.0

    def continues(self, time_s: float, face: Face | None) -> bool:
        """Whether what is seen at a time, None for no face, still belongs to the run."""
        last_s, (_, seen_s) = self._views[-1].time_s, self._seen()
        usual_s = float(np.median(self._steps)) if self._steps else MAX_STEP_S
        if time_s - last_s > max(MAX_GAP_S, min(MAX_STEP_S, _STRETCH * usual_s)):
            return False
        if (face is None or seen_s < last_s) and time_s - seen_s > MAX_GAP_S:
            return False
        if face is None:
            return len(self._views) < 2 * self._length
        return 1 / MAX_GROWTH <= face.size / max(self._face_px or self._first_px, 1e-6) <= MAX_GROWTH

    def add(self, frame: Frame, face: Face | None) -> list[Clip]:
        """Cut the face out of the next frame; the clip that is complete with it, if one is."""
        if self._views:
            self._steps.append(frame.time_s - self._views[-1].time_s)
        if face is None:
            self._views.append(_cut_out(frame, self._seen()[0], None, self._size))
            return []
        self._first_px = self._first_px or face.size
        self._fill(face, frame.time_s)
        self._views.append(_cut_out(frame, face, face, self._size))
        return [self._clip(self._length)] if self._ready() else []

    def finish(self) -> list[Clip]:
        """What is left, without a gap at its end."""
        self._views = [view for view in self._views if view.face is not None]
        counts = range(0, len(self._views), self._length)
        return [self._clip(min(self._length, len(self._views))) for _ in counts]

    def _seen(self) -> tuple[Face, float]:
        """The face where it was last found, and when."""
        return next((view.face, view.time_s) for view in reversed(self._views) if view.face is not None)

    def _fill(self, face: Face, time_s: float) -> None:
        """Interpolate the gap that a face has just ended."""
        if self._views and self._views[-1].face is None:
            seen, seen_s = self._seen()
            self._views = [
                view
                if view.face is not None
                else replace(view, face=_between(seen, face, (view.time_s - seen_s) / (time_s - seen_s)))
                for view in self._views
            ]

    def _ready(self) -> bool:
        """Whether a clip is there, and enough after it to smooth its end, or no room for more."""
        if len(self._views) <= self._length:
            return False
        after_s = self._views[-1].time_s - self._views[self._length - 1].time_s
        return after_s >= 2 * SMOOTH_S or len(self._views) >= 2 * self._length

    def _clip(self, count: int) -> Clip:
        """Make a clip of the first views, and forget their pixels."""
        ahead = [(view.time_s, view.face) for view in self._views if view.face is not None]
        known = [*self._before, *ahead]
        self._face_px = self._face_px or float(np.median([face.size for _, face in ahead]))
        calm = smoothed([face.landmarks for _, face in known], np.array([time_s for time_s, _ in known]))
        views, calm = self._views[:count], calm[len(self._before) :]
        made = [
            _stabilised(view, face, marks, self._face_px, self._size)
            for view, (_, face), marks in zip(views, ahead, calm, strict=False)
        ]
        self._before.extend(ahead[:count])
        self._views = self._views[count:]
        return Clip(
            pixels=np.stack([pixels for pixels, _ in made]),
            landmarks=np.stack([landmarks for _, landmarks in made]),
            boxes=np.stack([face.box for _, face in ahead[:count]]).astype(np.float32),
            times_s=np.array([time_s for time_s, _ in ahead[:count]], np.float64),
            track=self._track,
            shot=self._shot,
        )


def _cut_out(frame: Frame, where: Face, face: Face | None, size: int) -> _View:
    """A generous square around a face, reduced at once where the clip will need much less."""
    side = round(_GENEROUS * max(size, MARGIN * where.size))
    corner = np.round((where.box[:2] + where.box[2:]) / 2 - side / 2).astype(np.int64)
    patch = cut(frame.pixels, int(corner[0]), int(corner[1]), side)
    small = min(side, round(side * _FINE * size / max(MARGIN * where.size, 1e-6)))
    if small < side:
        patch = np.asarray(cv2.resize(patch, (small, small), interpolation=cv2.INTER_AREA), np.uint8)
    return _View(patch, corner.astype(np.float64), small / side, frame.time_s, face)


def _between(one: Face, other: Face, share: float) -> Face:
    """A face on the straight way from one place to another."""
    box, landmarks = (
        np.asarray(start + np.float32(share) * (end - start), np.float32)
        for start, end in ((one.box, other.box), (one.landmarks, other.landmarks))
    )
    return replace(one, box=box, landmarks=landmarks)


def _stabilised(
    view: _View, face: Face, calm: npt.NDArray[np.float64], face_px: float, size: int
) -> tuple[Array, Array]:
    """(3, S, S) pixels and (5, 2) landmarks of one frame of a clip, whose smoothed landmarks (5, 2) are given."""
    scale = min(1.0, size / (MARGIN * max(face_px, 1e-6)))
    calm, found = ((marks - view.corner) * view.scale for marks in (calm, face.landmarks))
    matrix = upright(calm, scale / view.scale, size)
    pixels = warped(view.patch, matrix, size, 1 if scale == 1 else _FINE)
    return pixels, (found @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
