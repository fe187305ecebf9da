"""From the packets of a video to the frames that are wanted: by reading from the start, or by seeking.

Both take (K,) ascending numbers of frames, K >= 1, and give each wanted frame with its number; for one that is damaged
a reader gives the next that is not.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import av
import numpy as np

from detector.errors import MediaError
from detector.media.index import SLACK_S, VideoIndex
from detector.media.limits import Stopwatch
from detector.media.sampling import Numbers

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    Decode = Callable[[InputContainer, VideoStream, VideoIndex, Numbers, Stopwatch], Iterator[tuple[int, VideoFrame]]]


def read(
    container: InputContainer, video: VideoStream, index: VideoIndex, wanted: Numbers, watch: Stopwatch
) -> Iterator[tuple[int, VideoFrame]]:
    """The wanted frames and their numbers, by reading from the start.

    Packets between two wanted frames are read but not decoded as soon as a key lies between them: reading an hour
    takes seconds, and unlike seeking it is exact in every container.

    Raises:
        MediaError: timeout, unreadable, or truncated where decoding ends before the last frame.
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


def jump(
    container: InputContainer, video: VideoStream, index: VideoIndex, wanted: Numbers, watch: Stopwatch
) -> Iterator[tuple[int, VideoFrame]]:
    """The wanted frames and their numbers, by seeking; ends early at the first that is not found where it should be.

    What the container's own index says is believed only where the packet found there is the one that was read there:
    a broken index costs time, and never gives another frame.

    Raises:
        MediaError: timeout.
    """
    for number in wanted.tolist():
        try:
            frame = _frame_at(container, video, index, number, watch)
        except av.error.FFmpegError:
            return
        if frame is None:
            return
        yield number, frame


def _frame_at(
    container: InputContainer, video: VideoStream, index: VideoIndex, number: int, watch: Stopwatch
) -> VideoFrame | None:
    """One frame; None where it is not found, or damaged."""
    before = int(np.searchsorted(index.keys, number, side="right"))
    if index.stamps is None or not before:
        return None
    key, stamp = int(index.stamps[index.keys[before - 1]]), int(index.stamps[number])
    container.seek(key, stream=video)
    video.codec_context.flush_buffers()
    for packet in _between(container, video, key, stamp, watch):
        for frame in video.decode(packet):
            if frame.pts == stamp:
                return None if frame.is_corrupt else frame
    return None


def _between(
    container: InputContainer, video: VideoStream, key: int, last: int, watch: Stopwatch
) -> Iterator[Packet[VideoStream] | None]:
    """The packets from one time stamp to another, then None, which makes the decoder hand out what it holds back.

    A demuxer may land early, at another key; none come where it landed late.
    """
    begun = False
    for packet in container.demux(video):
        watch.check()
        begun = begun or packet.pts == key
        if not begun and (packet.pts is None or packet.pts > key):
            return
        if begun and packet.size:
            yield packet
        if begun and packet.pts == last:
            yield None
            return


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
