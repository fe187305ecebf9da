"""Who is who through a video: faces that follow one another in place and size share a track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from detector.errors import UsageError
from detector.faces.pyramid import iou
from detector.types import Array, Face

MAX_MISSED = 5
"""A track ends once its face was missing in more than this many of the frames looked at."""
MAX_DISTANCE = 0.75
"""How far a face may move between two frames without an overlap, in face sizes."""
MAX_RATIO = 1.6
"""How much its size may change then."""


@dataclass(frozen=True, eq=False)
class _Track:
    id: int
    box: Array
    seen: int


class Tracker:
    """Numbers the faces of one video, frame by frame.

    A face continues the track whose last box it overlaps, or lies close to at nearly the same size; the best
    pairs are taken first. What continues nothing, as after a cut, starts a new track. No number is used twice.
    """

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._started = 0
        self._index: int | None = None
        self._step: int | None = None

    def update(self, faces: Sequence[Face], index: int) -> tuple[Face, ...]:
        """The faces of the next frame with their tracks, in the same order.

        Args:
            faces: what was found in it; may be none.
            index: its index, larger than that of the frame before; frames may have been left out.

        Raises:
            UsageError: the frames do not come in order.
        """
        self._advance(index)
        pairs = _pair([track.box for track in self._tracks], [face.box for face in faces])
        numbered = tuple(
            replace(face, track=self._tracks[pairs[row]].id if row in pairs else self._start())
            for row, face in enumerate(faces)
        )
        missed = [track for row, track in enumerate(self._tracks) if row not in pairs.values()]
        self._tracks = missed + [_Track(face.track, face.box, index) for face in numbered if face.track is not None]
        return numbered

    def _start(self) -> int:
        self._started += 1
        return self._started - 1

    def _advance(self, index: int) -> None:
        """Move to a frame, and forget the tracks that were missing for too long."""
        if self._index is not None:
            if index <= self._index:
                raise UsageError(f"a tracker takes frames in order: expected an index above {self._index}, got {index}")
            step = index - self._index
            self._step = min(self._step or step, step)
            oldest = index - (MAX_MISSED + 1) * self._step
            self._tracks = [track for track in self._tracks if track.seen >= oldest]
        self._index = index


def _pair(old: Sequence[Array], new: Sequence[Array]) -> dict[int, int]:
    """Which old box every new one continues: {row of new: row of old}, the best pairs first."""
    if not old or not new:
        return {}
    likeness = _likeness(np.stack(old), np.stack(new))
    pairs: dict[int, int] = {}
    for flat in np.argsort(-likeness, axis=None, kind="stable"):
        before, now = divmod(int(flat), len(new))
        if likeness[before, now] > 0 and now not in pairs and before not in pairs.values():
            pairs[now] = before
    return pairs


def _likeness(old: Array, new: Array) -> Array:
    """How well each new box (M, 4) continues each old one (N, 4): (N, M) in [0, 2]; 0 where it cannot.

    Overlapping pairs have 1 + IoU; close ones of like size something in (0, 1), the closer the more.
    """
    sizes = [np.maximum((boxes[:, 2:] - boxes[:, :2]).max(axis=1), np.float32(1e-6)) for boxes in (old, new)]
    ratio = np.maximum(sizes[0][:, None] / sizes[1], sizes[1] / sizes[0][:, None])
    centres = [(boxes[:, :2] + boxes[:, 2:]) / 2 for boxes in (old, new)]
    distance = np.linalg.norm(centres[0][:, None] - centres[1], axis=2) / np.maximum(sizes[0][:, None], sizes[1])
    close = np.where((distance < MAX_DISTANCE) & (ratio < MAX_RATIO), 1 - distance, 0)
    overlap = iou(old, new)
    likeness: Array = np.where(overlap > 0.1, 1 + overlap, close).astype(np.float32)
    return likeness
