"""A long video that is cheap to make: some seconds are encoded once, and its packets are written again and again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from skimage import data

from detector.types import Pixels

WIDTH, HEIGHT, RATE, GOP = 1920, 1080, 30, 250
SECONDS = 20


def write_long_video(path: Path, minutes: int) -> None:
    """Write so many minutes of 1080p, 30 frames a second, H.264 with B-frames and a key every 250 frames."""
    piece = path.with_name(f"piece-{path.name}")
    _encode(piece)
    _repeat(piece, path, minutes * 60 // SECONDS)
    piece.unlink()


def _encode(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "crf": "23"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.gop_size, stream.codec_context.max_b_frames = GOP, 2
        for pixels in _pictures():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))


def _pictures() -> Iterator[Pixels]:
    """A photo of a face (NASA, public domain) that sways over an even grey like a speaker, and ends where it began."""
    photo = data.astronaut()
    picture = np.full((HEIGHT, WIDTH, 3), 96, np.uint8)
    for number in range(SECONDS * RATE):
        turn = 2 * math.pi * number / (SECONDS * RATE)
        x, y = round(700 + 25 * math.sin(2 * turn)), round(280 + 15 * math.sin(3 * turn))
        picture[:] = 96
        picture[y : y + 512, x : x + 512] = photo
        yield picture


def _repeat(piece: Path, path: Path, times: int) -> None:
    """The packets of one clip, so many times, each time later by its length."""
    with av.open(str(piece)) as source, av.open(str(path), "w") as out:
        template = source.streams.video[0]
        stream = out.add_stream_from_template(template)
        unit = template.time_base
        later = round(SECONDS / unit)
        for turn in range(times):
            source.seek(0)
            for packet in source.demux(template):
                if packet.dts is None:
                    continue
                packet.pts, packet.dts = packet.pts + turn * later, packet.dts + turn * later
                packet.stream = stream
                out.mux(packet)
