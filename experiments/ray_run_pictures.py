"""Pictures for `ray_run.py`: faces in many histories, and what a batch in the wild has besides them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

Draws = np.random.Generator
FACE_SHARE = 0.8


def make_pictures(folder: Path, count: int, material: Path | None) -> list[str]:
    """Write pictures that are not there yet; the same ones for the same number and material.

    Args:
        folder: where to.
        count: how many.
        material: a folder whose manifest.csv names pictures of faces; None for one public-domain face.

    Returns:
        their paths, sorted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sources = _sources(material)
    return sorted(str(_make(folder, number, sources)) for number in range(count))


def _sources(material: Path | None) -> list[Path | None]:
    if material is None:
        return [None]
    with (material / "manifest.csv").open(encoding="utf-8", newline="") as file:
        paths = [material / row["path"] for row in csv.DictReader(file)]
    return [path for path in sorted(paths) if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp")]


def _make(folder: Path, number: int, sources: Sequence[Path | None]) -> Path:
    draws = np.random.default_rng((6, number))
    make = _face if draws.random() < FACE_SHARE else ODD[int(draws.integers(len(ODD)))]
    name, content = make(sources[int(draws.integers(len(sources)))], draws)
    path = folder / f"{number:06d}{name}"
    if not path.exists():
        path.write_bytes(content)
    return path


def _face(source: Path | None, draws: Draws) -> tuple[str, bytes]:
    """Cut a little off each side, sometimes mirrored, at some JPEG quality."""
    picture = _open(source)
    width, height = picture.size
    left, top, right, bottom = draws.uniform(0, 0.06, 4)
    cut = picture.crop((int(left * width), int(top * height), int((1 - right) * width), int((1 - bottom) * height)))
    if draws.random() < 0.5:
        cut = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return ".jpg", _jpeg(cut, int(draws.integers(60, 96)))


def _nobody(source: Path | None, draws: Draws) -> tuple[str, bytes]:  # noqa: ARG001
    noise = Image.fromarray(draws.integers(0, 256, (12, 16, 3), np.uint8))
    return ".jpg", _jpeg(noise.resize((640, 480), Image.Resampling.BICUBIC), 85)


def _tiny(source: Path | None, draws: Draws) -> tuple[str, bytes]:  # noqa: ARG001
    picture = _open(source)
    picture.thumbnail((72, 72))
    return ".jpg", _jpeg(picture, 90)


def _cut_off(source: Path | None, draws: Draws) -> tuple[str, bytes]:
    content = _face(source, draws)[1]
    return ".jpg", content[: int(len(content) * draws.uniform(0.1, 0.9))]


def _lying(source: Path | None, draws: Draws) -> tuple[str, bytes]:
    return ".png", _face(source, draws)[1]


def _empty(source: Path | None, draws: Draws) -> tuple[str, bytes]:  # noqa: ARG001
    return ".jpg", b""


def _text(source: Path | None, draws: Draws) -> tuple[str, bytes]:  # noqa: ARG001
    return ".jpg", f"no picture {draws.integers(1 << 30)}\n".encode()


ODD: tuple[Callable[[Path | None, Draws], tuple[str, bytes]], ...] = (_nobody, _tiny, _cut_off, _lying, _empty, _text)
"""What is no face in a whole picture, in equal parts."""


def _open(source: Path | None) -> Image.Image:
    if source is None:
        return Image.fromarray(np.asarray(data.astronaut(), np.uint8))
    with Image.open(source) as picture:
        return picture.convert("RGB")


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return stream.getvalue()
