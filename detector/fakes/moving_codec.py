"""A whole clip through H.264 in memory: what is made must have the history of what is real."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import chain

import numpy as np

from detector.errors import UsageError
from detector.types import Frame, Pixels

_RATE = Fraction(25)


def through_h264(frames: Sequence[Frame], crf: float) -> tuple[Frame, ...]:
    """Encode and decode frames of one size as one clip; their times stay.

    Args:
        frames: at least one; sides may be odd, the codec's own may not.
        crf: x264's constant rate factor, 0-51; FaceForensics++ (Rössler et al. 2019) has 23 as c23 and 40 as c40.

    Raises:
        UsageError: the frames have several sizes, there is none, or PyAV cannot write H.264.
    """
    import av

    sizes = {frame.pixels.shape for frame in frames}
    if len(sizes) != 1:
        raise UsageError(f"expected frames of one size, got {len(sizes)} sizes in {len(frames)} frames")
    if "libx264" not in av.codecs_available:
        raise UsageError("H.264 needs a PyAV with libx264, this one has none: pip install --force-reinstall av")
    height, width, _ = sizes.pop()
    decoded = _decoded(_encoded([frame.pixels for frame in frames], crf))
    return tuple(
        replace(frame, pixels=np.ascontiguousarray(pixels[:height, :width]))
        for frame, pixels in zip(frames, decoded, strict=True)
    )


def _encoded(pictures: Sequence[Pixels], crf: float) -> Iterator[bytes]:
    """The packets of a clip; one thread and no macroblock tree, so that the same frames give the same packets."""
    import av

    height, width = (side + side % 2 for side in pictures[0].shape[:2])
    encoder = av.CodecContext.create("libx264", "w")
    encoder.height, encoder.width = height, width
    encoder.pix_fmt, encoder.framerate, encoder.thread_count = "yuv420p", _RATE, 1
    encoder.options = {"crf": f"{crf:g}", "x264-params": "mbtree=0"}
    for number, pixels in enumerate(pictures):
        rim = ((0, height - pixels.shape[0]), (0, width - pixels.shape[1]), (0, 0))
        frame = av.VideoFrame.from_ndarray(np.pad(pixels, rim, mode="edge"), format="rgb24")
        frame.pts = number
        yield from map(bytes, encoder.encode(frame))
    yield from map(bytes, encoder.encode(None))


def _decoded(packets: Iterable[bytes]) -> Iterator[Pixels]:
    """The frames in the order of showing; None at the end flushes the decoder."""
    import av

    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    for packet in chain(map(av.Packet, packets), [None]):
        for frame in decoder.decode(packet):
            yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
