"""Small real videos, written with PyAV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from detector.types import Pixels

RATE = 30


def write_clip(
    path: Path,
    pictures: Iterable[Pixels],
    *,
    codec: str = "libx264",
    stamps: Sequence[int] | None = None,
    unit: Fraction = Fraction(1, RATE),
    gop: int = 12,
    b_frames: int = 0,
    rotation: int = 0,
    mirrored: bool = False,
    mux: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write pictures (H, W, 3) as a video; the extension of `path` names the container.

    Args:
        stamps: when each picture is shown, in `unit`s of a second; one unit each where left out.
        rotation, mirrored: the display matrix: degrees counter-clockwise, and a left-right flip.
        mux, options: what libav's muxer and encoder take.
    """
    with av.open(str(path), "w", options=mux or {}) as container:
        stream = None
        for number, pixels in enumerate(pictures):
            if stream is None:
                stream = container.add_stream(codec, rate=RATE, options=options or {})
                stream.height, stream.width = pixels.shape[:2]
                stream.pix_fmt, stream.gop_size = "yuv420p", gop
                stream.codec_context.time_base, stream.time_base = unit, unit
                stream.codec_context.max_b_frames = b_frames
                stream.codec_context.thread_count = 1
                if rotation or mirrored:
                    stream.set_display_rotation(rotation, hflip=mirrored)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame.pts, frame.time_base = number if stamps is None else stamps[number], unit
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode(None))
    return path


def write_sound(path: Path) -> Path:
    """Write half a second of silence."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        for number in range(8):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.rate, frame.pts = 16000, number * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def number_card(number: int, side: int = 64) -> Pixels:
    """A picture that says its number from 0 to 4095 in 12 dark and light blocks, so that any codec keeps it."""
    bits = [number >> k & 1 for k in range(12)]
    blocks = np.array(bits, np.uint8).reshape(3, 4) * 180 + 40
    card = np.kron(blocks, np.ones((side // 4, side // 4), np.uint8))
    return np.repeat(np.vstack([card, np.full((side // 2, side), 128, np.uint8)])[:, :, None], 3, axis=2)


def read_card(pixels: Pixels) -> int:
    """The number on a card."""
    step = pixels.shape[1] // 4
    blocks = pixels[: 3 * step, :, 1].reshape(3, step, 4, step).mean(axis=(1, 3))
    return int(sum(1 << k for k, value in enumerate(blocks.ravel()) if value > 128))
