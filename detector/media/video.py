"""Videos: a stream of upright RGB frames, through PyAV, with one frame in memory at a time."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

import av
import numpy as np

from detector.errors import MediaError
from detector.media.index import SLACK_S, VideoIndex, read_index
from detector.media.kinds import Format
from detector.media.limits import MediaLimits, Sampling, Stopwatch
from detector.media.sampling import Numbers, pick
from detector.media.structure import declared_length
from detector.media.turn import Turn
from detector.types import Frame

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

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
            limits.check_pixels(video.codec_context.width, video.codec_context.height)
            video.codec_context.options = options
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
    stream: BinaryIO, found: Format, index: VideoIndex, sampling: Sampling, limits: MediaLimits
) -> Iterator[Frame]:
    """Decode the frames that a sampling asks for, in order.

    Raises:
        MediaError: as `open_video` does, and timeout, or truncated where decoding ends before the last frame.
    """
    wanted = pick(index.starts, index.end, sampling)
    watch = Stopwatch(limits.timeout_s)
    with open_video(stream, found, limits) as (container, video):
        turn = None
        for number, frame in _decode(container, video, index, wanted, watch):
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


def _decode(
    container: InputContainer, video: VideoStream, index: VideoIndex, wanted: Numbers, watch: Stopwatch
) -> Iterator[tuple[int, VideoFrame]]:
    """The wanted frames and their numbers. Packets between two wanted frames are read but not decoded as soon as a
    key lies between them: reading an hour takes seconds, and unlike seeking it is exact in every container.
    """
    left = iter(wanted.tolist())
    target, entry, last, good = next(left), 0, -1, -1
    if index.stamps is not None:
        entry = index.entry(target)
    for position, packet in _packets(container, video, watch):
        if position < entry:
            continue
        for frame in video.decode(packet):
            last = _number(frame, last, index)
            good = good if frame.is_corrupt else last
            if good < target:
                continue
            yield last, frame
            target = next((number for number in left if number > last), -1)
            if target < 0:
                return
            if index.stamps is not None and index.entry(target) > position:
                entry = index.entry(target)
                video.codec_context.flush_buffers()
                break
    _check_reached(index, good, int(wanted[-1]))


def _packets(
    container: InputContainer, video: VideoStream, watch: Stopwatch
) -> Iterator[tuple[int, Packet[VideoStream] | None]]:
    """Packets as `read_index` counts them, then None, which makes a decoder hand out what it holds back."""
    filled = (packet for packet in container.demux(video) if packet.size)
    for position, packet in enumerate(filled):
        watch.check()
        yield position, packet
    yield sys.maxsize, None


def _number(frame: VideoFrame, last: int, index: VideoIndex) -> int:
    """Which frame of the clip this is: by its time stamp, or by counting."""
    if index.stamps is None or frame.pts is None:
        return min(last + 1, len(index.starts) - 1)
    return min(int(np.searchsorted(index.stamps, frame.pts)), len(index.starts) - 1)


def _check_reached(index: VideoIndex, last: int, final: int) -> None:
    """A codec may hide a frame of its own at the very end; more than that is missing."""
    if last < 0:
        raise MediaError("unreadable", "no frame of the video could be decoded")
    missing = float(index.starts[final] - index.starts[last])
    if missing > SLACK_S:
        raise MediaError("truncated", f"decoding ends {missing:.2f} s before the last frame; fetch the file again")


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
