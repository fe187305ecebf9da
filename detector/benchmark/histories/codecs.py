"""Lossy codecs in memory, there and back; JPEG is in `history`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain

import cv2
import numpy as np

from detector.errors import UsageError
from detector.types import Pixels

FPS = Fraction(25)
CLIP_FRAMES = 3
NO_TREE = "mbtree=0"
"""Without x264's macroblock tree. It needs a long clip: three frames come out about 2 dB worse with it than frames of a
long clip at the same factor. Its assembly reads memory that nobody wrote, too: the result was not always the same."""
PAN_PX = 3
"""How far the pan of a clip may be off, in px."""


def webp(pixels: Pixels, quality: int) -> Pixels:
    """Encode and decode (H, W, 3) uint8 RGB pixels as lossy WebP at `quality` (1-100)."""
    encoded = cv2.imencode(".webp", pixels[:, :, ::-1], [cv2.IMWRITE_WEBP_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB), np.uint8)


def h264(pixels: Pixels, crf: float, rng: np.random.Generator) -> Pixels:
    """What a viewer sees of a picture that is the last frame of a short H.264 clip.

    The clip is a hand-held pan that ends on the picture: what does not move at all would not be coded again after
    the first frame. The last frame is predicted from the others, as nearly every frame of a real video is. Colours
    are halved in both directions (yuv420p), as on every video site.

    Args:
        pixels: (H, W, 3) uint8 RGB; sides may be odd, the codec's own may not.
        crf: x264's constant rate factor, 0-51; FaceForensics++ (Rössler et al. 2019) has 23 as c23 and 40 as c40.
        rng: draws the pan.

    Raises:
        UsageError: as `check_x264` does.
    """
    check_x264()
    height, width = pixels.shape[:2]
    *_, last = _decoded(_encoded(_pan(pixels, rng), crf))
    return np.ascontiguousarray(last[:height, :width])


def check_x264() -> None:
    """Raise `UsageError` where PyAV cannot write H.264."""
    import av

    if "libx264" not in av.codecs_available:
        raise UsageError("H.264 needs a PyAV with libx264, this one has none: pip install --force-reinstall av")


def _pan(pixels: Pixels, rng: np.random.Generator) -> list[Pixels]:
    """Frames of even sides, each up to `PAN_PX` off in both directions, but for the last one, which is in place."""
    height, width = (side + side % 2 for side in pixels.shape[:2])
    margins = [(PAN_PX, PAN_PX + side % 2) for side in pixels.shape[:2]]
    wide = np.pad(pixels, [*margins, (0, 0)], mode="edge")
    corners = [*rng.integers(0, 2 * PAN_PX, (CLIP_FRAMES - 1, 2), endpoint=True).tolist(), (PAN_PX, PAN_PX)]
    return [np.ascontiguousarray(wide[y : y + height, x : x + width]) for y, x in corners]


def _encoded(frames: list[Pixels], crf: float) -> Iterator[bytes]:
    """The packets of a clip; one thread, so that the number of cores changes nothing."""
    import av

    encoder = av.CodecContext.create("libx264", "w")
    encoder.height, encoder.width = frames[0].shape[:2]
    encoder.pix_fmt, encoder.framerate, encoder.thread_count = "yuv420p", FPS, 1
    encoder.options = {"crf": f"{crf:g}", "x264-params": NO_TREE}
    for number, pixels in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
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
