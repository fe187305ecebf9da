"""Who is who through a video: faces that follow one another in place, size and look share a track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from detector.errors import UsageError
from detector.faces.looks import likeness, look_of, mixed
from detector.faces.pyramid import iou
from detector.types import Array, Face, Pixels

MAX_MISSED = 5
"""A track ends once its face was missing in more than this many of the frames looked at."""
MAX_HIDDEN = 30
"""A track whose look is known waits for this many instead: whoever looks like it may then come back."""
MIN_LOOK = 0.75
"""How much like the one who went a face must look that comes back after `MAX_MISSED` frames."""
MAX_DISTANCE = 0.75
"""How far a face may be from where it is expected without an overlap, in face sizes."""
MAX_RATIO = 1.6
"""How much its size may change then."""

_FADE = 0.8
"""What is left of a speed a frame later, while the face is not seen."""
_PLACE, _SIZE, _LOOK = 0.35, 0.35, 0.25
"""Deviations of how faces continue: in sizes, in octaves of e, and in one minus the correlation of looks."""
_APART = 0.05
"""Faces that overlap by more show something of each other: their looks are not learnt then."""


@dataclass(frozen=True, eq=False)
class _Track:
    """Someone: the box last seen, its speed in px a frame of the file, when that was, and the look, if it is known."""

    id: int
    box: Array
    speed: Array
    seen: int
    look: Array | None


class Tracker:
    """Numbers the faces of one video, frame by frame.

    A face continues the track that it fits best in place, size and, where the pixels are given, look; a track goes on
    at the speed that it had, so that people who cross are told apart. Among all ways to pair faces with tracks the one
    of the largest total affinity is taken (Kuhn, "The Hungarian method for the assignment problem", 1955; the cues are
    those of Wojke et al., "Simple online and realtime tracking with a deep association metric", 2017). What continues
    nothing, as after a cut, starts a new track. No number is used twice, and the order of faces changes nothing.
    """

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._started = 0
        self._index: int | None = None
        self._step = 0
        self._shot = 0

    def update(
        self, faces: Sequence[Face], index: int, pixels: Pixels | None = None, shot: int = 0
    ) -> tuple[Face, ...]:
        """The faces of the next frame with their tracks, in the same order.

        Args:
            faces: what was found in it; may be none.
            index: its index, larger than that of the frame before; frames may have been left out.
            pixels: (H, W, 3) uint8 RGB, the frame; without it faces are followed by place and size alone.
            shot: the number of its shot: nobody is followed from one shot to the next.

        Raises:
            UsageError: the frames do not come in order.
        """
        self._advance(index, shot)
        order = sorted(range(len(faces)), key=lambda row: (-faces[row].size, *faces[row].box.tolist()))
        sorted_faces = [faces[row] for row in order]
        looks = [None if pixels is None else look_of(pixels, face.box) for face in sorted_faces]
        pairs = self._pair(sorted_faces, looks, index)
        clear = _clear(sorted_faces)
        seen = [
            self._continued(pairs.get(row), face, looks[row] if clear[row] else None, index)
            for row, face in enumerate(sorted_faces)
        ]
        self._tracks = [track for row, track in enumerate(self._tracks) if row not in pairs.values()] + seen
        ids = {row: track.id for row, track in zip(order, seen, strict=True)}
        return tuple(replace(face, track=ids[row]) for row, face in enumerate(faces))

    def _advance(self, index: int, shot: int) -> None:
        """Move to a frame, and forget the tracks that were missing for too long, or are of another shot."""
        if self._index is not None:
            if index <= self._index:
                raise UsageError(f"a tracker takes frames in order: expected an index above {self._index}, got {index}")
            step = index - self._index
            self._step = min(self._step or step, step)
        self._tracks = [track for track in self._tracks if shot == self._shot and self._waits(track, index)]
        self._index, self._shot = index, shot

    def _waits(self, track: _Track, index: int) -> bool:
        patience = MAX_MISSED if track.look is None else MAX_HIDDEN
        return self._missed(track, index) <= patience

    def _missed(self, track: _Track, index: int) -> float:
        """In how many of the frames looked at, by the smallest step between two of them, a track was missing."""
        return (index - track.seen) / self._step - 1

    def _pair(self, faces: Sequence[Face], looks: Sequence[Array | None], index: int) -> dict[int, int]:
        """Which track every face continues: {row of the face: row of the track}."""
        if not self._tracks or not faces:
            return {}
        from scipy.optimize import linear_sum_assignment

        found = np.stack([face.box for face in faces])
        affinity = np.stack([self._affinity(track, found, looks, index) for track in self._tracks])
        tracks, rows = linear_sum_assignment(affinity, maximize=True)
        return {int(row): int(track) for track, row in zip(tracks, rows, strict=True) if affinity[track, row] > 0}

    def _affinity(self, track: _Track, found: Array, looks: Sequence[Array | None], index: int) -> Array:
        """(N,) in [0, 1]: how well each face continues a track; 0 where it cannot."""
        missed = self._missed(track, index)
        spread = np.sqrt(1 + max(missed, 0))
        steps = (1 - _FADE ** (missed + 1)) / (1 - _FADE) * self._step
        expected = track.box + np.tile(track.speed * np.float32(steps), 2)
        places = [_offsets(box, found) for box in (expected, track.box)]
        distance, growth = places[0]
        alike = np.array([likeness(track.look, look) for look in looks])
        near = (np.minimum(distance, places[1][0]) < MAX_DISTANCE * spread) & (growth < np.log(MAX_RATIO))
        overlaps = iou(np.stack([expected, track.box]), found).max(axis=0) > 0.1
        returns = np.nan_to_num(alike, nan=0.0) >= MIN_LOOK if missed > MAX_MISSED else True
        far = (distance / (_PLACE * spread)) ** 2 + (growth / _SIZE) ** 2 + (np.nan_to_num(1 - alike) / _LOOK) ** 2
        return np.where((near | overlaps) & returns, np.maximum(np.exp(-far / 2), 1e-12), 0).astype(np.float32)

    def _continued(self, row: int | None, face: Face, look: Array | None, index: int) -> _Track:
        """The track of a face that was just seen: that of a row, or a new one."""
        if row is None:
            self._started += 1
            return _Track(self._started - 1, face.box, np.zeros(2, np.float32), index, look)
        track = self._tracks[row]
        moved = (_centre(face.box) - _centre(track.box)) / (index - track.seen)
        return _Track(
            track.id, face.box, ((track.speed + moved) / 2).astype(np.float32), index, mixed(track.look, look)
        )


def _clear(faces: Sequence[Face]) -> list[bool]:
    """Whether no other face overlaps each of them."""
    if not faces:
        return []
    boxes = np.stack([face.box for face in faces])
    overlap = iou(boxes, boxes)
    np.fill_diagonal(overlap, 0)
    return [bool(row.max() <= _APART) for row in overlap]


def _offsets(box: Array, found: Array) -> tuple[Array, Array]:
    """How far each box (N, 4) is from another one: in sizes of the larger, and the logarithm of the ratio of sizes."""
    own, theirs = _size(box[None]), _size(found)
    away = np.linalg.norm(_centre(found) - _centre(box), axis=1)
    return away / np.maximum(own, theirs), np.abs(np.log(theirs / own))


def _size(boxes: Array) -> Array:
    longer: Array = np.maximum((boxes[:, 2:] - boxes[:, :2]).max(axis=1), np.float32(1e-6))
    return longer


def _centre(boxes: Array) -> Array:
    return np.asarray((boxes[..., :2] + boxes[..., 2:]) / 2, np.float32)
