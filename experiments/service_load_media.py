"""What the load run sends: pictures and clips of one public-domain face, and what goes wrong with uploads.

Every upload has bytes of its own, so that nothing can be answered from memory: its number is written into it, where
no decoder looks.
"""

from __future__ import annotations

import io
import struct
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import av
import numpy as np
from PIL import Image, ImageEnhance, ImageOps
from skimage import data

Kind = Literal["face", "no face", "broken", "clip"]
PERCENT: dict[Kind, int] = {"face": 84, "no face": 8, "broken": 6, "clip": 2}
"""How many of a hundred uploads are of a kind, in an order that is drawn anew for every hundred."""
FACE = (150, 30, 300, 210)
"""The part of the picture that every crop holds, in px: the face and some of what is around it."""
VARIANTS = 60
CLIP_PICTURES = 5


@dataclass(frozen=True)
class Media:
    """One upload.

    Attributes:
        number: of the upload, from 0; no two have the same content.
        content: the file.
    """

    number: int
    kind: Kind
    content: bytes

    @property
    def is_clip(self) -> bool:
        """Whether it is sent as a job that is asked for; what is not is answered at once."""
        return self.kind == "clip"


def uploads(seed: int) -> Iterator[Media]:
    """Uploads without end; the same ones for the same seed."""
    rng = np.random.default_rng(seed)
    files = material(rng)
    number = 0
    while True:
        hundred: list[Kind] = [kind for kind, percent in PERCENT.items() for _ in range(percent)]
        for place in rng.permutation(len(hundred)):
            kind = hundred[place]
            file = files[kind][int(rng.integers(len(files[kind])))]
            yield Media(number, kind, (_numbered_mp4 if kind == "clip" else _numbered_jpeg)(file, number))
            number += 1


def material(rng: np.random.Generator) -> dict[Kind, Sequence[bytes]]:
    """Some files of each kind."""
    astronaut = Image.fromarray(data.astronaut())
    faces = [_jpeg(_changed(astronaut, rng), int(rng.integers(55, 97))) for _ in range(VARIANTS)]
    faceless = [Image.fromarray(picture()).convert("RGB") for picture in (data.coffee, data.rocket)]
    cut = [file[: int(len(file) * rng.uniform(0.3, 0.9))] for file in faces[:8]]
    return {
        "face": faces,
        "no face": [_jpeg(picture, 85) for picture in faceless],
        "broken": [*cut, b"\xff\xd8" + rng.bytes(20_000)],
        "clip": [_clip(_changed(astronaut, rng)) for _ in range(4)],
    }


def _changed(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A crop around the face, mirrored or not, of another size and brightness."""
    x0, y0, x1, y1 = FACE
    left, top = rng.integers(0, (x0, y0)).tolist()
    right, bottom = rng.integers((x1, y1), picture.size).tolist()
    crop = picture.crop((left, top, right, bottom))
    crop = ImageOps.mirror(crop) if rng.integers(2) else crop
    crop = ImageOps.scale(crop, rng.uniform(1.0, 3.0), Image.Resampling.LANCZOS)
    return ImageEnhance.Brightness(crop).enhance(rng.uniform(0.7, 1.2))


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def _clip(picture: Image.Image) -> bytes:
    """Some pictures of one face, a few a second, which slowly gets brighter."""
    even = picture.resize((picture.width // 2 * 2, picture.height // 2 * 2))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "clip.mp4")
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=4)
            stream.width, stream.height, stream.pix_fmt = even.width, even.height, "yuv420p"
            for number in range(CLIP_PICTURES):
                pixels = np.asarray(ImageEnhance.Brightness(even).enhance(1 + number / 50))
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(stream.encode(None))
        return path.read_bytes()


def _numbered_jpeg(content: bytes, number: int) -> bytes:
    """With a comment, right behind the marker that begins the file."""
    return content[:2] + b"\xff\xfe" + struct.pack(">HQ", 10, number) + content[2:]


def _numbered_mp4(content: bytes, number: int) -> bytes:
    """With a box at its end that says of itself that it is free."""
    return content + struct.pack(">I4sQ", 16, b"free", number)
