"""Videos: a stream of upright RGB frames, through PyAV, with one frame in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

import av
import numpy as np

from detector.errors import MediaError
from detector.media.decoding import jump, read
from detector.media.index import VideoIndex, read_index
from detector.media.kinds import Format
from detector.media.limits import MediaLimits, Stopwatch, decoder_threads
from detector.media.sampling import Numbers
from detector.media.structure import declared_length
from detector.media.turn import Turn
from detector.types import Frame

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from detector.media.decoding import Decode

BUFFER = 1 << 18


@contextmanager
def open_video(stream: BinaryIO, found: Format, limits: MediaLimits) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a container and its best video stream; faults of libav inside the block become `MediaError`s.

    The size is checked before any frame is decoded; `max_pixels` makes libav itself refuse a stream that grows later.

    Raises:
        MediaError: no_video, zero_duration, too_many_pixels, unsupported or unreadable.
    """
    try:
        options = {"max_pixels": str(limits.max_pixels)}
        with av.open(
            stream, mode="r", format=found.decoder, options=options, metadata_errors="replace", buffer_size=BUFFER
        ) as container:
            video = _best_stream(container)
            width, height = video.codec_context.width, video.codec_context.height
            limits.check_pixels(width, height)
            video.codec_context.options = options
            video.codec_context.thread_count = decoder_threads(width * height)
            video.thread_type = "AUTO"
            yield container, video
    except av.error.EOFError as error:
        raise MediaError("zero_duration", f"the {found.name} ends before its first frame") from error
    except av.error.FFmpegError as error:
        raise MediaError("unreadable", f"the {found.name} is damaged: {error.strerror or error}") from error


def probe(stream: BinaryIO, found: Format, limits: MediaLimits, watch: Stopwatch) -> VideoIndex:
    """Read through a video without decoding it. Raises `MediaError` as `open_video` and `read_index` do."""
    declared_s = declared_length(found.name, stream, watch)
    stream.seek(0)
    with open_video(stream, found, limits) as (container, video):
        return read_index(container, video, declared_s, limits, watch)


def frames(
    stream: BinaryIO, found: Format, index: VideoIndex, wanted: Numbers, limits: MediaLimits, *, seek: bool = False
) -> Iterator[Frame]:
    """Decode frames, in order.

    Args:
        wanted: (K,) their numbers, ascending; K >= 1.
        seek: jump from frame to frame as long as the container's own index can be believed, rather than read all that
            lies between them. The frames are the same.

    Raises:
        MediaError: as `open_video` does, and timeout, or truncated where decoding ends before the last frame.
    """
    watch = Stopwatch(limits.timeout_s)
    if seek:
        for frame in _frames(stream, found, index, wanted, limits, watch, jump):
            yield frame
            wanted = wanted[1:]
        stream.seek(0)
    if len(wanted):
        yield from _frames(stream, found, index, wanted, limits, watch, read)


def _frames(
    stream: BinaryIO,
    found: Format,
    index: VideoIndex,
    wanted: Numbers,
    limits: MediaLimits,
    watch: Stopwatch,
    decode: Decode,
) -> Iterator[Frame]:
    with open_video(stream, found, limits) as (container, video):
        turn = None
        for number, frame in decode(container, video, index, wanted, watch):
            turn = turn or _turn(frame)
            pixels = turn.upright(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
            picture = Frame(np.ascontiguousarray(pixels), float(index.starts[number]), number)
            watch.stop()
            yield picture
            watch.start()


def _best_stream(container: InputContainer) -> VideoStream:
    """The largest video stream; the cover picture of a song is none."""
    cover = av.stream.Disposition.attached_pic
    streams = [s for s in container.streams.video if not s.disposition & cover]
    if not streams:
        raise MediaError("no_video", "expected a video stream, the file has sound or data alone")
    known = [s for s in streams if s.codec_context is not None]
    if not known:
        raise MediaError("unsupported", "there is no decoder for the codec of this video; convert it to H.264")
    return max(known, key=lambda s: s.codec_context.width * s.codec_context.height)


def _turn(frame: VideoFrame) -> Turn:
    """What the display matrix asks for: x' = a x + c y, y' = b x + d y; only quarter turns and mirrors are honoured.

    To be asked once a video, of its first frame: PyAV ties a frame whose side data was read to itself, so that its
    memory waits for the garbage collector.
    """
    matrix = cast("Mapping[str, bytes]", frame.side_data).get("DISPLAYMATRIX")
    if matrix is None:
        return Turn()
    a, b, _, c, d, *_ = np.frombuffer(bytes(matrix), np.int32).tolist()
    swap = abs(b) > abs(a)
    return Turn(swap, rows=(b if swap else d) < 0, columns=(c if swap else a) < 0)
