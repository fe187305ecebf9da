"""Clips as files in memory, and what the files say of themselves without a look at the picture."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, pairwise
from typing import TYPE_CHECKING, cast

import numpy as np

from detector.errors import UsageError
from detector.types import FeatureTable, Pixels

if TYPE_CHECKING:
    from av.video.stream import VideoStream

CODECS = {"h264": "libx264", "mpeg4": "mpeg4"}
"""How a clip may be coded, and the encoder of each."""
FACTS = ("metadata.width", "metadata.height", "metadata.mpeg4", "rate.bits", "rate.largest", "rate.spread")
"""Columns of `file_facts`: what the header says; then log2 of the bits a pixel and frame, of the largest packet against
the mean one, and the deviation of the others' log2."""


@dataclass(frozen=True)
class Coding:
    """How a clip is coded.

    Attributes:
        codec: one of `CODECS`.
        level: x264's constant rate factor, or the quantiser of MPEG-4 part 2; more is worse.
        fps: frames a second.
    """

    codec: str = "h264"
    level: float = 18.0
    fps: Fraction = Fraction(25)

    def __post_init__(self) -> None:
        if self.codec not in CODECS:
            raise UsageError(f"codec: expected one of {', '.join(CODECS)}, got {self.codec!r}")

    @property
    def options(self) -> dict[str, str]:
        """What the encoder is told."""
        if self.codec == "h264":
            return {"crf": f"{self.level:g}"}
        return {"qmin": str(round(self.level)), "qmax": str(round(self.level)), "g": "50"}


def write_clip(pictures: Iterable[Pixels], coding: Coding) -> bytes:
    """An MP4 file of pictures (H, W, 3) uint8 RGB of one size; odd sides lose their last row or column.

    Raises:
        UsageError: there is no picture.
    """
    import av

    pictures = iter(pictures)
    if (first := next(pictures, None)) is None:
        raise UsageError("expected one picture or more to make a clip of, got none")
    height, width = (side - side % 2 for side in first.shape[:2])
    kept = io.BytesIO()
    with av.open(kept, "w", format="mp4") as container:
        stream = cast("VideoStream", container.add_stream(CODECS[coding.codec], coding.fps, coding.options))
        stream.width, stream.height, stream.pix_fmt, stream.thread_count = width, height, "yuv420p", 1
        for pixels in chain([first], pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels[:height, :width]), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return kept.getvalue()


def file_facts(content: bytes, starts: Sequence[int]) -> FeatureTable:
    """`FACTS` of each piece of a file of one video stream: from the packet of its first frame to that of the next's.

    Args:
        content: of the file.
        starts: the number of the first frame of each piece, ascending, and where the last one ends.
    """
    import av

    with av.open(io.BytesIO(content), "r") as container:
        stream = container.streams.video[0]
        sizes = np.array([packet.size for packet in container.demux(stream) if packet.size], np.float64)
        header = (stream.width, stream.height, float(stream.codec_context.name == "mpeg4"))
    rows = [(*header, *_rates(sizes[start:end], header[0] * header[1])) for start, end in pairwise(starts)]
    return FeatureTable(np.array(rows, np.float32).reshape(-1, len(FACTS)), tuple(f"file.{name}" for name in FACTS))


def _rates(sizes: np.ndarray[tuple[int], np.dtype[np.float64]], pixels: int) -> tuple[float, float, float]:
    mean, largest = float(sizes.mean()), int(sizes.argmax())
    others = np.log2(np.delete(sizes, largest))
    return np.log2(8 * mean / pixels), np.log2(sizes[largest] / mean), float(others.std()) if len(others) else 0.0
