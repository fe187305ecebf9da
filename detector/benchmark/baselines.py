"""What a detector must beat: a blur in place of the VAE, and what can be known without looking at the face.

A baseline turns one picture into named numbers; the same classifier is then fitted on them, on the same pictures
with the same histories, so that the comparison is paired.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import ExifTags, Image

from detector.benchmark.history import jpeg
from detector.faces.crops import cut
from detector.features import residual, spectrum
from detector.types import LANDMARKS, Face, Frame, Pixels

Baseline = Callable[[Path, Frame, Face], dict[str, float]]
"""(the file as it was found, the picture under the protocol, the face in it) -> name to number. Names are those of
features, ``model.view.kind.region.statistic``; NaN stands for what a file does not have."""

PATCH_PX = 96
RESIDUAL_KINDS = {
    "spectrum": (spectrum.spectrum_maps, spectrum.spectrum_statistics),
    "colour": (residual.colour_maps, residual.colour_statistics),
    "cooccurrence": (residual.cooccurrence_maps, residual.cooccurrence_statistics),
}
QUALITIES = (50, 60, 70, 80, 90, 95)
MCU_PX = 16
"""JPEG works in squares of this side: one block of halved chroma."""
FORMATS = ("JPEG", "PNG", "WEBP")


def blur_residual(_: Path, frame: Frame, face: Face) -> dict[str, float]:
    """The residual of a 3 x 3 box blur in five native patches at the landmarks, by the statistics of the VAE's."""
    corners = np.round(face.landmarks - PATCH_PX / 2).astype(int)
    patches = [cut(frame.pixels, x, y, PATCH_PX).astype(np.float32) / 255 for x, y in corners]
    residuals = np.stack([patch - cv2.blur(patch, (3, 3)) for patch in patches]).transpose(0, 3, 1, 2)
    left = torch.from_numpy(residuals.astype(np.float32))
    numbers: dict[str, float] = {}
    for kind, (maps, statistics) in RESIDUAL_KINDS.items():
        for name, values in statistics(maps(left).double().mean(dim=(2, 3))).items():
            for landmark, value in zip(LANDMARKS, values.tolist(), strict=True):
                numbers[f"blur.native.{kind}.{landmark}.{name}"] = value
    return numbers


def metadata_as_found(path: Path, _: Frame, __: Face) -> dict[str, float]:
    """What the file says of itself: size, shape, format, EXIF."""
    with Image.open(path) as picture:
        width, height = picture.size
        numbers = {f"is_{name}": float(picture.format == name) for name in FORMATS}
        numbers["exif_tags"] = float(len(picture.getexif()))
        numbers["camera"] = float(ExifTags.Base.Model in picture.getexif())
        numbers["profile"] = float("icc_profile" in picture.info)
        numbers["progressive"] = float("progressive" in picture.info)
    return _named("metadata", "file", numbers | _shape(width, height, path.stat().st_size))


def metadata(_: Path, frame: Frame, __: Face) -> dict[str, float]:
    """What is left of that under the protocol: the shape of the picture, and its bytes as a JPEG of quality 90."""
    height, width = frame.pixels.shape[:2]
    encoded = cv2.imencode(".jpg", frame.pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
    return _named("metadata", "file", _shape(width, height, len(encoded)))


def quality_as_found(path: Path, _: Frame, __: Face) -> dict[str, float]:
    """The JPEG quantisation tables of the file: its quality. NaN for another format."""
    with Image.open(path) as picture:
        tables = getattr(picture, "quantization", {})
    numbers: dict[str, float] = {}
    for index, title in enumerate(("luma", "chroma")):
        table = np.array(tables.get(index, [np.nan] * 64), np.float64)
        numbers |= {f"{title}_mean": table.mean(), f"{title}_first": table[0], f"{title}_last": table[-1]}
    return _named("quality", "tables", numbers)


def quality(_: Path, frame: Frame, face: Face) -> dict[str, float]:
    """What the pixels of the face say of their JPEG history: the 8 x 8 grid, and how little encoding again changes.

    The error of encoding again has a dip at the quality that was used before (Farid 2009, Exposing digital forgeries
    from JPEG ghosts).
    """
    side = -(-int(face.size) // MCU_PX) * MCU_PX
    x0, y0 = np.maximum(face.box[:2].astype(int), 0) // MCU_PX * MCU_PX
    pixels = cut(frame.pixels, x0, y0, side)
    changes = {q: float(np.abs(jpeg(pixels, q).astype(np.float32) - pixels).mean()) for q in QUALITIES}
    ghosts = {f"again_at_{q}": float(np.log(change + 0.01)) for q, change in changes.items()}
    return _named("quality", "ghosts", ghosts) | _named("quality", "grid", _blockiness(pixels))


BASELINES: dict[str, Baseline] = {
    "blur residual": blur_residual,
    "metadata": metadata,
    "metadata as found": metadata_as_found,
    "quality": quality,
    "quality as found": quality_as_found,
}
"""Each baseline by name. Those "as found" see the file before the protocol: they say what the protocol hides."""


def _shape(width: int, height: int, count: int) -> dict[str, float]:
    return {
        "log_bytes": float(np.log(count)),
        "log_bytes_per_px": float(np.log(count / (width * height))),
        "width": float(width),
        "height": float(height),
        "aspect": width / height,
    }


def _blockiness(pixels: Pixels) -> dict[str, float]:
    """Mean step between neighbours across each of the 8 phases of the grid, over the mean of all phases."""
    grey = pixels.astype(np.float32).mean(axis=2)
    numbers: dict[str, float] = {}
    for title, axis in (("across", 1), ("down", 0)):
        steps = np.abs(np.diff(grey, axis=axis)).mean(axis=1 - axis)
        phases = np.array([steps[phase::8].mean() for phase in range(8)])
        numbers |= {f"{title}_{phase}": float(v) for phase, v in enumerate(phases / (phases.mean() + 1e-6))}
    return numbers


def _named(model: str, kind: str, numbers: dict[str, float]) -> dict[str, float]:
    return {f"{model}.whole.{kind}.picture.{name}": float(value) for name, value in numbers.items()}
