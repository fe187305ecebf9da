"""Photos to measure with, for who brings none: one public-domain face, pictured in many ways."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from detector.errors import UsageError

SIDE = 1024
FACE = (150, 30, 300, 210)
"""The part of the picture that every photo shows, in px: the face and some of what is around it."""
REACH = (230, 330)
"""The side of the square that is shown, in px: further down, a patch on her suit passes for a face with some."""
INSET = (640, SIDE)
"""The side that the square takes of a photo, in px: around it is what is out of focus."""
FOCUS_PX = 60
QUALITIES = (75, 96)


def make_photos(folder: Path, count: int, seed: int = 0) -> list[Path]:
    """Write JPEG photos of `SIDE` x `SIDE` px with one face each, of many sizes, lights and qualities.

    The face is the astronaut's of scikit-image (NASA, public domain), 200 to 530 px high.

    Args:
        folder: where to write; it exists.
        count: how many.
        seed: the same one gives the same photos.

    Returns:
        the files.

    Raises:
        UsageError: scikit-image is not installed.
    """
    try:
        from skimage import data
    except ImportError as error:
        raise UsageError(
            "the photos are made from one that ships with scikit-image: pip install 'detector[demo]', or name files"
        ) from error
    astronaut, rng = Image.fromarray(data.astronaut()), np.random.default_rng(seed)
    paths = [folder / f"photo{number:04}.jpg" for number in range(count)]
    for path in paths:
        _pictured(astronaut, rng).save(path, quality=int(rng.integers(*QUALITIES)))
    return paths


def _pictured(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A square that holds the face, mirrored or not, somewhere in a photo of another light."""
    side = int(rng.integers(*REACH, endpoint=True))
    left, top = (
        int(rng.integers(max(0, end - side), min(start, length - side), endpoint=True))
        for start, end, length in zip(FACE[:2], FACE[2:], picture.size, strict=True)
    )
    square = picture.crop((left, top, left + side, top + side))
    square = ImageOps.mirror(square) if rng.integers(2) else square
    inset = int(rng.integers(*INSET, endpoint=True))
    photo = square.resize((SIDE, SIDE)).filter(ImageFilter.GaussianBlur(FOCUS_PX))
    corner = (int(rng.integers(SIDE - inset, endpoint=True)), int(rng.integers(SIDE - inset, endpoint=True)))
    photo.paste(square.resize((inset, inset), Image.Resampling.LANCZOS), corner)
    return ImageEnhance.Brightness(photo).enhance(rng.uniform(0.75, 1.2))
