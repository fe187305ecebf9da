"""What a clip has behind it that comes from a file: a round trip through H.264."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

from detector.types import Pixels

_RATE = 25


def through_codec(frames: Pixels, crf: int) -> Pixels:
    """Frames (T, H, W, 3) uint8 RGB, H and W even, as a decoder gives them back; the same shape.

    Args:
        frames: of one shot.
        crf: x264's constant rate factor: 18 is hardly seen, 23 is its default, 40 is coarse.
    """
    encoder = av.VideoCodecContext.create("libx264", "w")
    encoder.height, encoder.width = frames.shape[1:3]
    encoder.pix_fmt, encoder.time_base, encoder.thread_count = "yuv420p", Fraction(1, _RATE), 1
    encoder.options = {"crf": str(crf), "preset": "veryfast"}
    decoder = av.VideoCodecContext.create("h264", "r")
    decoder.thread_count = 1
    pictures = [av.VideoFrame.from_ndarray(frame, format="rgb24") for frame in frames]
    for number, picture in enumerate(pictures):
        picture.pts, picture.time_base = number, encoder.time_base
    packets = [packet for picture in [*pictures, None] for packet in encoder.encode(picture)]
    decoded = [picture for packet in [*packets, None] for picture in decoder.decode(packet)]
    return np.stack([picture.to_ndarray(format="rgb24") for picture in decoded])
