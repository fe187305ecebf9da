"""The way in: a path or bytes to frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from detector.media.kinds import HEAD, Format, Kind, mislabelled, tell_format
from detector.media.limits import MediaLimits, Sampling, Stopwatch
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
        warnings: what is odd but no reason to refuse it, e.g. an extension that lies ("mislabelled: ...").
    """

    def __init__(self, source: Source, found: Format, limits: MediaLimits, index: VideoIndex | None) -> None:
        self.kind: Kind = found.kind
        self.format = found.name
        self.duration_s = 0.0 if index is None else index.end
        self.frame_count = 1 if index is None else len(index.starts)
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
        from detector.media import video

        with self._source.open() as stream:
            yield from video.frames(stream, self._found, self._index, sampling or Sampling(), self._limits)

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
