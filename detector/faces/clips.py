"""Tracks to clips: each face cut out of every frame at once, stabilised when enough of the track is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from detector.errors import UsageError
from detector.faces.runs import Run
from detector.types import Clip, Face, Frame


class ClipCutter:
    """Cuts the faces of one video into clips, frame by frame; memory does not grow with the video.

    Of every frame only a patch around each face is kept. A clip is made once `length` patches of a track are there, and
    a little more, so that its last landmarks can be smoothed too. Each frame of it goes through one similarity
    transform: the smoothed landmarks upright and in the middle, at one scale along the track. That scale is 1 where
    `MARGIN` times the median face fits into the window; a larger face is reduced, none is enlarged.

    A clip ends where its shot or its track does, after `length` frames, at a gap longer than `MAX_GAP_S`, at a jump in
    time, when the size of frames changes, and when the face has grown or shrunk by more than `MAX_GROWTH`. One face in
    one frame is a clip of length 1.

    Args:
        size: S, the side of the window in px.
        length: the most frames of a clip.
    """

    def __init__(self, size: int = 128, length: int = 16) -> None:
        if size < 1 or length < 1:
            raise UsageError(f"expected a size and a length of 1 or more, got {size} and {length}")
        self._size, self._length = size, length
        self._runs: dict[int, Run] = {}
        self._shot: int | None = None
        self._time_s = float("-inf")
        self._shape: tuple[int, ...] = ()

    def update(self, frame: Frame, faces: Sequence[Face], shot: int = 0) -> list[Clip]:
        """The clips that the next frame completes. A frame at the time of the one before it is left out.

        Args:
            frame: the picture.
            faces: the faces in it, with their tracks.
            shot: the number of its shot.

        Raises:
            UsageError: the frames do not come in order of time, or a face has no track.
        """
        if not frame.time_s >= self._time_s:
            raise UsageError(
                f"a clip cutter takes frames in order: expected {self._time_s} s or later, got {frame.time_s} s"
            )
        tracked = _by_track(faces)
        if frame.time_s == self._time_s:
            return []
        done = self.close() if (shot, frame.pixels.shape) != (self._shot, self._shape) else []
        self._shot, self._shape, self._time_s = shot, frame.pixels.shape, frame.time_s
        for track in sorted({*self._runs, *tracked}):
            done += self._extend(track, frame, tracked.get(track), shot)
        return done

    def close(self) -> list[Clip]:
        """The clips that are left when no more frames come."""
        done = [clip for run in self._runs.values() for clip in run.finish()]
        self._runs.clear()
        return done

    def _extend(self, track: int, frame: Frame, face: Face | None, shot: int) -> list[Clip]:
        run, done = self._runs.get(track), list[Clip]()
        if run is not None and not run.continues(frame.time_s, face):
            done += run.finish()
            del self._runs[track]
            run = None
        if run is None and face is not None:
            run = self._runs[track] = Run(track, shot, self._size, self._length)
        return done + run.add(frame, face) if run is not None else done


def cut_clips(looked: Iterable[tuple[Frame, Sequence[Face], int]], size: int = 128, length: int = 16) -> Iterator[Clip]:
    """The clips of a video, streamed; `ClipCutter` says how.

    Args:
        looked: every frame with its faces, which have their tracks, and the number of its shot.
        size: S, the side of the window in px.
        length: the most frames of a clip.

    Raises:
        UsageError: as `ClipCutter.update` does.
    """
    cutter = ClipCutter(size, length)
    for frame, faces, shot in looked:
        yield from cutter.update(frame, faces, shot)
    yield from cutter.close()


def _by_track(faces: Sequence[Face]) -> dict[int, Face]:
    tracked = {face.track: face for face in faces if face.track is not None}
    if len(tracked) < len(faces):
        raise UsageError("expected every face of a frame with a track of its own; give them to a Tracker first")
    return tracked
