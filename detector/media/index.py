"""The table of a video's frames: when each is shown and where decoding may start. Made by reading, not decoding.

Two numbers a frame are kept, so that an hour of video costs two megabytes. Everything that can be wrong with the
length of a video is found here, before the first frame is decoded.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detector.errors import MediaError
from detector.media.limits import MediaLimits, Stopwatch
from detector.media.sampling import Numbers, Times

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

SLACK_S, SLACK_FRAMES = 0.5, 3
"""A declared length may be this much longer than what is there: encoder delay, rounding, audio padding."""


@dataclass(frozen=True, eq=False)
class VideoIndex:
    """When the frames of a video are shown.

    Attributes:
        starts: (N,) ascending, when each frame appears, in s from the start of the clip.
        end: when the last one disappears, in s.
        stamps: (N,) ascending, presentation time stamps in the stream's units; None where the container has no
            reliable ones (AVI) and frames must be counted.
        packets: (N,) which packet of the stream holds the frame.
        keys: (K,) ascending, the frames at which decoding may start.
    """

    starts: Times
    end: float
    stamps: Numbers | None
    packets: Numbers
    keys: Numbers

    def entry(self, number: int) -> int:
        """The packet to start at in order to decode frame `number`: that of the last key shown at or before it.

        A frame shown before a key but stored after it may need what came before the key.
        """
        before = int(np.searchsorted(self.keys, number, side="right"))
        return int(self.packets[self.keys[before - 1]]) if before else 0


class _Table:
    """What was read of one video stream, packet by packet, in decoding order."""

    def __init__(self) -> None:
        self.stamps, self.packets, self.keys = array("q"), array("q"), array("b")
        self.count, self.end, self.stamped = 0, 0, True

    def add(self, stamp: int | None, duration: int, is_key: bool, is_shown: bool) -> None:
        if is_shown:
            self.keys.append(is_key)
            self.stamped &= stamp is not None
            self.stamps.append(stamp if stamp is not None else len(self.stamps))
            self.packets.append(self.count)
            self.end = max(self.end, self.stamps[-1] + duration)
        self.count += 1


def read_index(
    container: InputContainer, stream: VideoStream, declared_s: float, limits: MediaLimits, watch: Stopwatch
) -> VideoIndex:
    """Read through a video.

    Args:
        declared_s: the length that the file declares beside what libav knows; 0 for none.

    Raises:
        MediaError: zero_duration, truncated, too_long or timeout.
    """
    table, reach = _Table(), 0.0
    for packet in container.demux():
        watch.check()
        if packet.size == 0:
            continue
        if packet.is_corrupt:
            raise MediaError("truncated", "the data of a frame ends too early; fetch the file again")
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None:
            reach = max(reach, float((stamp + (packet.duration or 0)) * packet.time_base))
        if packet.stream_index == stream.index:
            table.add(packet.pts, packet.duration or 0, packet.is_keyframe, not packet.is_discard)
    if not len(table.stamps):
        raise MediaError("zero_duration", "expected a video with frames, its video stream has none")
    index = _index(table, stream, counted=container.format.name == "avi" or not table.stamped)
    limits.check_duration(index.end)
    start, unit = stream.start_time or 0, stream.time_base or 0
    _check_declared(index, index.end, float((stream.duration or 0) * unit))
    # The length of the whole file may be that of its sound.
    reach = max(reach, float(start * unit) + index.end)
    _check_declared(index, reach, max((container.duration or 0) / 1e6, declared_s))
    return index


def _index(table: _Table, stream: VideoStream, counted: bool) -> VideoIndex:
    packets, keys = np.array(table.packets), np.array(table.keys)
    if counted:
        step = float(1 / (stream.average_rate or stream.guessed_rate or 25))
        starts = np.arange(len(packets), dtype=np.float64) * step
        return VideoIndex(starts, len(packets) * step, None, packets, np.flatnonzero(keys))
    unit = float(stream.time_base or 1)
    order = np.argsort(np.array(table.stamps), kind="stable")
    stamps = np.array(table.stamps)[order]
    starts = (stamps - stamps[0]).astype(np.float64) * unit
    end = max(float(table.end - stamps[0]) * unit, float(starts[-1]) + _usual_step(starts))
    return VideoIndex(starts, end, stamps, packets[order], np.flatnonzero(keys[order]))


def _usual_step(starts: Times) -> float:
    """How long a frame usually stays, in s; some containers do not say how long the last one does."""
    return float(np.median(np.diff(starts))) if len(starts) > 1 else 0.0


def _check_declared(index: VideoIndex, found_s: float, declared_s: float) -> None:
    slack = max(SLACK_S, SLACK_FRAMES * _usual_step(index.starts))
    if declared_s > found_s + slack:
        raise MediaError("truncated", f"expected {declared_s:.2f} s of video, the file holds {found_s:.2f} s")
