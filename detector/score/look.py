"""From a file to the faces in it that can be judged: decode, detect, track, refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from detector.faces import FaceDetector, FaceLimits, ShotCutter, Tracker, unusable
from detector.media import Media, MediaLimits, Sampling, open_media
from detector.types import Face, Frame

FRAMES_AT_ONCE = 8
PIXELS_AT_ONCE = 16e6
"""Fewer large frames are looked at together: memory stays flat at any size."""


@dataclass(frozen=True, eq=False)
class Sight:
    """One frame of a file, with the faces in it.

    Attributes:
        frame: the picture.
        faces: all faces, the largest first.
        reasons: for each face why it cannot be judged, or None when it can.
        shot: the number of the frame's shot, from 0; None where that is not known.
    """

    frame: Frame
    faces: tuple[Face, ...]
    reasons: tuple[str | None, ...]
    shot: int | None = None

    @property
    def usable(self) -> tuple[int, ...]:
        """The rows of the faces that can be judged."""
        return tuple(row for row, reason in enumerate(self.reasons) if reason is None)


@dataclass(frozen=True)
class Eyes:
    """How files are looked at.

    Attributes:
        load_detector: gives what finds the faces, when a file that can be decoded first needs it.
        sampling: which frames of a video are looked at.
        media_limits: what is refused before and while decoding.
        face_limits: which faces are refused.
    """

    load_detector: Callable[[], FaceDetector]
    sampling: Sampling = field(default_factory=Sampling)
    media_limits: MediaLimits = field(default_factory=MediaLimits)
    face_limits: FaceLimits = field(default_factory=FaceLimits)

    @cached_property
    def detector(self) -> FaceDetector:
        """What finds the faces."""
        return self.load_detector()

    def open(self, source: Path | bytes) -> Media:
        """Open a file or its bytes; raises `MediaError` with a reason code."""
        return open_media(source, self.media_limits)

    def look(self, media: Media) -> Iterator[Sight]:
        """Every sampled frame with its faces, streamed; of a video with its shot, and faces carry their track.

        No track goes on from one shot to the next.
        """
        cutter, tracker = ShotCutter(), Tracker()
        for chunk in _chunks(media.frames(self.sampling)):
            for frame, faces in zip(chunk, self.detector(chunk), strict=True):
                if media.kind == "video":
                    shot = cutter.update(frame)
                    yield self._sight(frame, tracker.update(faces, frame.index, frame.pixels, shot), shot)
                else:
                    yield self._sight(frame, faces)

    def look_at(self, media: Media, numbers: Sequence[int]) -> Iterator[list[Sight]]:
        """These frames with their faces, as many together as memory allows, by number; no face has a track."""
        for chunk in _chunks(media.frames_at(numbers)):
            yield [self._sight(frame, faces) for frame, faces in zip(chunk, self.detector(chunk), strict=True)]

    def _sight(self, frame: Frame, faces: Sequence[Face], shot: int | None = None) -> Sight:
        reasons = tuple(unusable(frame, face, self.face_limits) for face in faces)
        return Sight(frame, tuple(faces), reasons, shot)


def _chunks(frames: Iterator[Frame]) -> Iterator[list[Frame]]:
    chunk: list[Frame] = []
    for frame in frames:
        chunk.append(frame)
        if len(chunk) == FRAMES_AT_ONCE or sum(one.pixels.size / 3 for one in chunk) >= PIXELS_AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
