"""The clip itself, with every face boxed and labelled: boxes move with the faces from one look to the next."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from detector.explain.boxes import annotate
from detector.types import FaceReport, Frame, Pixels

if TYPE_CHECKING:
    from av.container import OutputContainer

MOST_FRAMES = 1500
"""A film of more frames than this would take minutes; frames of a longer clip are left out evenly."""
LONGEST_SIDE = 1280
"""Larger frames are made smaller, px."""
CARRY_S = 2.0
"""Between two looks at a person that are further apart nobody knows where they are."""
HOLD_S = 0.2
"""So long a box stays where it was seen, before the first look and after the last one."""
LAST_S = 0.5
"""The last frame stays for as long as the one before it, at most for so long."""
UNIT = Fraction(1, 90000)
_OPTIONS = {"crf": "20", "preset": "veryfast"}
_Box = tuple[float, float, float, float]


def save_film(frames: Iterable[Frame], sightings: Sequence[FaceReport], threshold: float | None, path: Path) -> bool:
    """Write a clip as H.264 in MP4 with what was found drawn in, one frame in memory at a time.

    A label is that of the nearest look at the person; the box goes in a straight line from one look to the next.

    Args:
        frames: of the clip, in order of time; those that were looked at need not be among them.
        sightings: every face of every look, in order of time, with their tracks.
        threshold: from which probability on a face is called fake; None gives no verdict.
        path: of the file; replaced in one step.

    Returns:
        whether there was a frame; without one no file is written.
    """
    import av

    left = iter(frames)
    if (first := next(left, None)) is None:
        return False
    faces, shape = _Carried(sightings), _shape(first.pixels)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            shown = (_shown(frame, faces.at(frame.time_s), threshold, shape) for frame in chain([first], left))
            _encode(container, shown, shape)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return True


def film_frames(count: int) -> int | None:
    """How many frames of a clip of `count` a film shows; None for all."""
    return MOST_FRAMES if count > MOST_FRAMES else None


@dataclass(frozen=True, eq=False)
class _Path:
    """The looks at one person: (N,) their times, (N, 4) boxes, and what was said."""

    times: npt.NDArray[np.float64]
    boxes: npt.NDArray[np.float64]
    faces: tuple[FaceReport, ...]

    def at(self, time_s: float) -> FaceReport | None:
        away, after = np.abs(self.times - time_s), int(np.searchsorted(self.times, time_s, side="right"))
        nearest = self.faces[int(away.argmin())]
        if 0 < after < len(self.times) and self.times[after] - self.times[after - 1] <= CARRY_S:
            return replace(nearest, box=self._box(time_s))
        return nearest if away.min() <= HOLD_S else None

    def _box(self, time_s: float) -> _Box:
        x0, y0, x1, y1 = (float(np.interp(time_s, self.times, side)) for side in self.boxes.T)
        return x0, y0, x1, y1


class _Carried:
    """Where everybody is at any time."""

    def __init__(self, sightings: Sequence[FaceReport]) -> None:
        tracks: dict[int | None, list[FaceReport]] = defaultdict(list)
        for face in sightings:
            tracks[face.track].append(face)
        self._paths = [
            _Path(np.array([one.time_s for one in faces]), np.array([one.box for one in faces]), tuple(faces))
            for faces in tracks.values()
        ]

    def at(self, time_s: float) -> list[FaceReport]:
        return [face for path in self._paths if (face := path.at(time_s)) is not None]


def _shape(pixels: Pixels) -> tuple[int, int]:
    """Height and width of the film: even, as 4:2:0 wants them, and no larger than `LONGEST_SIDE`."""
    scale = min(1.0, LONGEST_SIDE / max(pixels.shape[:2]))
    height, width = (max(2, 2 * round(side * scale / 2)) for side in pixels.shape[:2])
    return height, width


def _shown(
    frame: Frame, faces: Sequence[FaceReport], threshold: float | None, shape: tuple[int, int]
) -> tuple[float, Pixels]:
    """A frame as the film shows it, whatever its own size is."""
    height, width = frame.pixels.shape[:2]
    scale = np.array([shape[1] / width, shape[0] / height] * 2)
    pixels = frame.pixels
    if (height, width) != shape:
        pixels = np.asarray(cv2.resize(pixels, shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    moved = [replace(face, box=tuple((np.array(face.box) * scale).tolist())) for face in faces]
    return frame.time_s, annotate(replace(frame, pixels=pixels), moved, threshold)


def _encode(container: OutputContainer, shown: Iterable[tuple[float, Pixels]], shape: tuple[int, int]) -> None:
    import av

    stream = container.add_stream("libx264", rate=30, options=_OPTIONS)
    stream.height, stream.width, stream.pix_fmt = *shape, "yuv420p"
    stream.codec_context.time_base = UNIT
    for stamp, pixels in _stamped(shown):
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts, frame.time_base = stamp, UNIT
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _stamped(shown: Iterable[tuple[float, Pixels]]) -> Iterator[tuple[int, Pixels]]:
    """Each frame with its time in `UNIT`s, ascending; the last one once more, so that it stays as the others do."""
    stamp, step, last = -1, round(LAST_S / UNIT), None
    for time_s, pixels in shown:
        now = max(stamp + 1, round(time_s / UNIT))
        step = step if last is None else min(round(LAST_S / UNIT), now - stamp)
        stamp, last = now, pixels
        yield stamp, pixels
    if last is not None:
        yield stamp + step, last
