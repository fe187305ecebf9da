"""What a detector must beat: a blur in place of the VAE, and what can be known without looking at the face.

A baseline turns one picture into named numbers; the same classifier is then fitted on them, on the same pictures
with the same histories, so that the comparison is paired.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import torch
from PIL import ExifTags, Image, UnidentifiedImageError
from torch.nn.functional import avg_pool2d, pad

from detector.benchmark.baselines.face_facts import face_facts
from detector.benchmark.baselines.network import window
from detector.benchmark.histories.history import Remade, jpeg
from detector.faces.crops import crop_faces, cut
from detector.features import FEATURES, compute_features, residual, spectrum
from detector.types import LANDMARKS, Pixels, Reconstruction

Baseline = Callable[[Path, Remade], dict[str, float]]
"""(the file as it was found, the picture under the protocol) -> name to number. Names are those of features,
``model.view.kind.region.statistic``; NaN stands for what a file does not have."""

CROP_PX = 128
PIXEL_KINDS = tuple(FEATURES)[:8]
"""The kinds of features that need nothing but a reconstruction in pixels."""
PATCH_PX = 96
RESIDUAL_KINDS = {
    "spectrum": (spectrum.spectrum_maps, spectrum.spectrum_statistics),
    "colour": (residual.colour_maps, residual.colour_statistics),
    "cooccurrence": (residual.cooccurrence_maps, residual.cooccurrence_statistics),
}
GRID_PX = 8
"""JPEG quantises blocks of this side."""
QUALITIES = (50, 60, 70, 80, 90, 95)
MCU_PX = 16
"""JPEG works in squares of this side: one block of halved chroma."""
FORMATS = ("JPEG", "PNG", "WEBP")


def blur_residual(_: Path, made: Remade) -> dict[str, float]:
    """The residual of a 3 x 3 box blur in five native patches at the landmarks, by the statistics of the VAE's."""
    corners = np.round(made.face.landmarks - PATCH_PX / 2).astype(int)
    patches = [cut(made.frame.pixels, x, y, PATCH_PX).astype(np.float32) / 255 for x, y in corners]
    residuals = np.stack([patch - cv2.blur(patch, (3, 3)) for patch in patches]).transpose(0, 3, 1, 2)
    left = torch.from_numpy(residuals.astype(np.float32))
    numbers: dict[str, float] = {}
    for kind, (maps, statistics) in RESIDUAL_KINDS.items():
        for name, values in statistics(maps(left).double().mean(dim=(2, 3))).items():
            for landmark, value in zip(LANDMARKS, values.tolist(), strict=True):
                numbers[f"blur.native.{kind}.{landmark}.{name}"] = value
    return numbers


def blur_features(_: Path, made: Remade) -> dict[str, float]:
    """The same blur put through our own features, in place of a VAE: what they say without one.

    Only the kinds that need nothing but a reconstruction in pixels.
    """
    crops = crop_faces(made.frame, [made.face], CROP_PX)
    pixels = torch.from_numpy(crops.pixels)
    blurred = avg_pool2d(pad(pixels, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    table = compute_features(crops, Reconstruction(blurred, pixels[:, :, :1, :1]), "blur", PIXEL_KINDS)
    return dict(zip(table.names, table.values[0].tolist(), strict=True))


def metadata_as_found(path: Path, _: Remade) -> dict[str, float]:
    """What the file says of itself: size, shape, bytes, format, EXIF."""
    count = path.stat().st_size
    try:
        with Image.open(path) as picture:
            width, height = picture.size
            numbers = {f"is_{name}": float(picture.format == name) for name in FORMATS}
            numbers["exif_tags"] = float(len(picture.getexif()))
            numbers["camera"] = float(ExifTags.Base.Model in picture.getexif())
            numbers["profile"] = float("icc_profile" in picture.info)
            numbers["progressive"] = float("progressive" in picture.info)
    except UnidentifiedImageError:  # a clip: it has a size, and none of a picture's marks
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            width, height = stream.width, stream.height
        marks = (*(f"is_{name}" for name in FORMATS), "exif_tags", "camera", "profile", "progressive")
        numbers = dict.fromkeys(marks, 0.0)
    numbers |= {"log_bytes": float(np.log(count)), "log_bytes_per_px": float(np.log(count / (width * height)))}
    return _named("metadata", "file", numbers | _shape(width, height))


def metadata(_: Path, made: Remade) -> dict[str, float]:
    """What the file that the protocol made says of itself: its size and shape. Its format is always the same.

    Its bytes tell how much detail the face has, whatever made it: they are in `texture`.
    """
    height, width = made.frame.pixels.shape[:2]
    return _named("metadata", "file", _shape(width, height))


def quality_as_found(path: Path, _: Remade) -> dict[str, float]:
    """The JPEG quantisation tables of the file: its quality. NaN for another format."""
    return _named("quality", "tables", _tables(path))


def quality(_: Path, made: Remade) -> dict[str, float]:
    """The JPEG quality of the file that the protocol made, by its tables, and the phase of its 8 x 8 grid.

    The phase is where the largest and the second largest steps between neighbours are. How large they are against the
    others depends on how much detail they must show through: that is in `blocking`.
    """
    numbers = _tables(None if made.encoded is None else BytesIO(made.encoded))
    for title, phases in _phases(made.frame.pixels).items():
        for rank, phase in zip(("first", "second"), np.argsort(-phases, kind="stable"), strict=False):
            angle = 2 * np.pi * phase / GRID_PX
            numbers |= {f"{title}_{rank}_cos": np.cos(angle), f"{title}_{rank}_sin": np.sin(angle)}
    return _named("quality", "file", numbers)


def blocking(_: Path, made: Remade) -> dict[str, float]:
    """How strong the 8 x 8 grid is in the picture: steps between neighbours in each of its phases, over their mean.

    Quantisation at one quality leaves larger steps, relative to the rest, in a face with less detail, whatever
    file it came in: this is a mixture of the file and of the face, and need not be at chance.
    """
    phases = _phases(made.frame.pixels)
    numbers = {f"{title}_{i}": float(v) for title, steps in phases.items() for i, v in enumerate(steps)}
    return _named("blocking", "grid", numbers)


def texture(_: Path, made: Remade) -> dict[str, float]:
    """How much detail the face has: its bytes as a JPEG, and how little encoding it again changes.

    The error of encoding again has a dip at the quality that was used before (Farid 2009, Exposing digital forgeries
    from JPEG ghosts), but its height at every quality is the picture's own detail. That is no trace of the file:
    generators smooth, cameras add noise. It is kept because it tells how far one gets with so little, and it cannot be
    at chance unless all faces, real or not, had the same detail.
    """
    side = -(-int(made.face.size) // MCU_PX) * MCU_PX
    x0, y0 = np.maximum(made.face.box[:2].astype(int), 0) // MCU_PX * MCU_PX
    pixels = cut(made.frame.pixels, x0, y0, side)
    changes = {q: float(np.abs(jpeg(pixels, q).astype(np.float32) - pixels).mean()) for q in QUALITIES}
    numbers = {f"again_at_{q}": float(np.log(change + 0.01)) for q, change in changes.items()}
    encoded = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
    numbers["log_bytes_per_px"] = float(np.log(len(encoded) / side**2))
    return _named("texture", "ghosts", numbers)


BASELINES: dict[str, Baseline] = {
    "blur features": blur_features,
    "blur residual": blur_residual,
    "blocking": blocking,
    "metadata": metadata,
    "metadata as found": metadata_as_found,
    "quality": quality,
    "quality as found": quality_as_found,
    "texture": texture,
}
"""Each baseline by name. Those "as found" see the file before the protocol: they say what the protocol hides."""
MEASURES: dict[str, Baseline] = {**BASELINES, "face facts": face_facts, "window": window}
"""The baselines, and what is measured of faces beside them: for the audit, and for a network trained in place."""


def _shape(width: int, height: int) -> dict[str, float]:
    return {"width": float(width), "height": float(height), "aspect": width / height}


def _tables(file: Path | BytesIO | None) -> dict[str, float]:
    tables: dict[int, list[int]] = {}
    with suppress(UnidentifiedImageError):  # a clip has none of JPEG's tables
        if file is not None:
            with Image.open(file) as picture:
                tables = getattr(picture, "quantization", {})
    numbers: dict[str, float] = {}
    for index, title in enumerate(("luma", "chroma")):
        table = np.array(tables.get(index, [np.nan] * 64), np.float64)
        numbers |= {f"{title}_mean": table.mean(), f"{title}_first": table[0], f"{title}_last": table[-1]}
    return numbers


def _phases(pixels: Pixels) -> dict[str, npt.NDArray[np.float64]]:
    """(8,) mean steps between neighbours in each phase of the grid, over the mean of all phases, in each direction."""
    grey = pixels.astype(np.float64).mean(axis=2)
    found = {}
    for title, axis in (("across", 1), ("down", 0)):
        steps = np.abs(np.diff(grey, axis=axis)).mean(axis=1 - axis)
        phases = np.array([steps[phase::GRID_PX].mean() for phase in range(GRID_PX)])
        found[title] = phases / (phases.mean() + 1e-6)
    return found


def _named(model: str, kind: str, numbers: dict[str, float]) -> dict[str, float]:
    return {f"{model}.whole.{kind}.picture.{name}": float(value) for name, value in numbers.items()}
