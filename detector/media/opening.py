"""The way in: a path or bytes to frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detector.media.kinds import HEAD, Format, Kind, mislabelled, tell_format
from detector.media.limits import MediaLimits, Sampling, Stopwatch
from detector.media.sampling import Numbers, Times, pick, refine
from detector.media.source import Source, open_source
from detector.media.structure import check_whole
from detector.types import Frame, Pixels

if TYPE_CHECKING:
    from detector.media.index import VideoIndex


class Media:
    """One picture or video, checked and ready to be decoded. Made by `open_media`; holds no open file.

    Attributes:
        kind: "image" or "video".
        format: what its content is, e.g. "JPEG".
        duration_s: length of a video in s; 0 for a picture.
        frame_count: how many frames it has; 1 for a picture.
        key_frames: how many of these decoding may start at.
        warnings: what is odd but no reason to refuse it, e.g. an extension that lies ("mislabelled: ...").
    """

    def __init__(self, source: Source, found: Format, limits: MediaLimits, index: VideoIndex | None) -> None:
        self.kind: Kind = found.kind
        self.format = found.name
        self.duration_s = 0.0 if index is None else index.end
        self.frame_count = 1 if index is None else len(index.starts)
        self.key_frames = 1 if index is None else len(index.keys)
        warning = mislabelled(source.suffix, found)
        self.warnings: list[str] = [] if warning is None else [warning]
        self._source, self._found, self._limits, self._index = source, found, limits, index

    def frames(self, sampling: Sampling | None = None) -> Iterator[Frame]:
        """Decode, one frame in memory at a time; every call starts again at the beginning.

        Args:
            sampling: which frames of a video; 32 over the whole clip where it is left out. A picture has one frame.

        Yields:
            upright frames in order; `time_s` counts from the start of the clip, `index` is the frame's number in it.

        Raises:
            MediaError: truncated, unreadable, unsupported, too_many_pixels or timeout, at any frame.
        """
        if self._index is None:
            yield Frame(self._picture())
            return
        wanted = pick(self._index.starts, self._index.end, sampling or Sampling())
        yield from self._decoded(self._index, wanted, seek=False)

    def frames_at(self, numbers: Sequence[int]) -> Iterator[Frame]:
        """Decode these frames of a video, by seeking where the container allows it, one frame in memory at a time.

        Args:
            numbers: of the frames, 0 <= number < `frame_count`, in any order; at least one.

        Yields:
            the frames as `frames` gives them, ascending; in the place of one that is damaged the next good one.

        Raises:
            MediaError: as `frames` does.
        """
        if self._index is None:
            yield Frame(self._picture())
        else:
            yield from self._decoded(self._index, np.unique(np.array(numbers, np.int64)), seek=True)

    def refining(self) -> Numbers:
        """(`frame_count`,) the number of every frame once, in an order that covers the clip evenly wherever it is left.

        Frames at which decoding may start come first: `key_frames` of them. See `detector.media.sampling.refine`.
        """
        if self._index is None:
            return np.zeros(1, np.int64)
        return refine(self._index.starts, self._index.end, self._index.keys)

    @property
    def times(self) -> Times:
        """(`frame_count` + 1,) when each frame appears, in s, and when the last one disappears."""
        return np.zeros(2) if self._index is None else np.append(self._index.starts, self._index.end)

    def _decoded(self, index: VideoIndex, wanted: Numbers, seek: bool) -> Iterator[Frame]:
        from detector.media import video

        with self._source.open() as stream:
            yield from video.frames(stream, self._found, index, wanted, self._limits, seek=seek)

    def _picture(self) -> Pixels:
        from detector.media import images

        with self._source.open() as stream, images.open_picture(stream, self._found, self._limits) as picture:
            return images.upright_rgb(picture)


def open_media(source: Path | bytes, limits: MediaLimits | None = None) -> Media:
    """Tell what a file is by its content and check everything that can be checked without decoding it.

    A picture's header is read; a video is read through once, so that its frames, its length and its end are known.

    Args:
        source: a path, or the bytes of a file.
        limits: what the file may cost.

    Raises:
        MediaError: with one of `detector.types.REASONS`: not_found, empty, unsupported, unreadable, truncated,
            too_many_bytes, too_many_pixels, too_long, timeout, no_video or zero_duration.
    """
    limits = limits or MediaLimits()
    checked = open_source(source, limits)
    watch = Stopwatch(limits.timeout_s)
    with checked.open() as stream:
        found = tell_format(stream.read(HEAD))
        check_whole(found.name, stream, checked.size, watch)
        stream.seek(0)
        if found.kind == "image":
            from detector.media import images

            with images.open_picture(stream, found, limits) as picture:
                several = images.has_more(picture)
            media = Media(checked, found, limits, None)
            media.warnings += ["several pictures: only the first one is looked at"] * several
            return media
        from detector.media import video

        return Media(checked, found, limits, video.probe(stream, found, limits, watch))
