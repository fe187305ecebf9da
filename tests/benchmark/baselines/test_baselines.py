"""Baselines: each sees what it should and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from detector.benchmark.baselines import BASELINES, QUALITIES
from detector.benchmark.histories.history import STRICT, Remade, jpeg, remake
from detector.types import Face, Frame, Pixels


@pytest.fixture
def photo(tmp_path: Path, astronaut: Pixels) -> Path:
    """A JPEG of quality 80 with a camera's name in its EXIF."""
    exif = Image.Exif()
    exif[272] = "Camera 1"
    Image.fromarray(astronaut).save(tmp_path / "photo.jpg", quality=80, exif=exif)
    return tmp_path / "photo.jpg"


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_gives_the_same_names_for_every_picture(
    name: str, photo: Path, tmp_path: Path, astronaut_frame: Frame, astronaut_face: Face
) -> None:
    one = BASELINES[name](photo, remake(astronaut_frame, astronaut_face, STRICT, np.random.default_rng(0)))
    cv2.imwrite(str(tmp_path / "small.png"), np.zeros((50, 70, 3), np.uint8))
    dark = Frame(np.zeros((150, 170, 3), np.uint8))
    other = BASELINES[name](tmp_path / "small.png", Remade(dark, astronaut_face))
    assert list(one) == list(other)
    assert all(key.count(".") == 4 for key in one)
    assert np.isfinite(list(one.values())).all()


def end(numbers: dict[str, float]) -> dict[str, float]:
    return {name.rsplit(".", 1)[1]: value for name, value in numbers.items()}


def test_metadata_as_found_reads_the_file(photo: Path, astronaut_frame: Frame, astronaut_face: Face) -> None:
    found = end(BASELINES["metadata as found"](photo, Remade(astronaut_frame, astronaut_face)))
    assert (found["width"], found["height"], found["aspect"]) == (512, 512, 1)
    assert (found["is_JPEG"], found["is_PNG"], found["exif_tags"], found["camera"]) == (1, 0, 1, 1)
    assert found["log_bytes"] == pytest.approx(np.log(photo.stat().st_size))


def test_under_the_protocol_the_file_is_not_read(tmp_path: Path, astronaut_frame: Frame, astronaut_face: Face) -> None:
    made = remake(astronaut_frame, astronaut_face, STRICT, np.random.default_rng(0))
    for name in ("metadata", "quality", "blocking", "texture", "blur residual"):
        assert BASELINES[name](tmp_path / "no such file", made)


def test_quality_as_found_reads_the_quantisation_tables(
    photo: Path, tmp_path: Path, astronaut: Pixels, astronaut_frame: Frame, astronaut_face: Face
) -> None:
    """At quality 80 libjpeg scales its luma table, which begins with 16, by 40 %."""
    found = end(BASELINES["quality as found"](photo, Remade(astronaut_frame, astronaut_face)))
    assert found["luma_first"] == round(16 * 0.4)
    Image.fromarray(astronaut).save(tmp_path / "photo.png")
    assert np.isnan(
        list(BASELINES["quality as found"](tmp_path / "photo.png", Remade(astronaut_frame, astronaut_face)).values())
    ).all()


@pytest.mark.parametrize("used", [60, 80])
def test_texture_sees_the_ghost_of_the_quality_that_was_used(
    used: int, astronaut: Pixels, astronaut_face: Face
) -> None:
    found = end(BASELINES["texture"](Path(), Remade(Frame(jpeg(astronaut, used)), astronaut_face)))
    changes = [found[f"again_at_{quality}"] for quality in QUALITIES]
    assert QUALITIES[int(np.argmin(changes))] == used


def test_quality_reads_the_tables_of_the_last_pass(astronaut_frame: Frame, astronaut_face: Face) -> None:
    """At quality 80 libjpeg scales its luma table, which begins with 16, by 40 %."""
    history = replace(STRICT, last_quality=(80, 80))
    made = remake(astronaut_frame, astronaut_face, history, np.random.default_rng(0))
    assert end(BASELINES["quality"](Path(), made))["luma_first"] == round(16 * 0.4)


def test_quality_and_blocking_see_the_grid(astronaut_face: Face) -> None:
    """Flat blocks of 8 x 8 px: all steps lie across the border of blocks, which is the phase 7."""
    grey = np.random.default_rng(0).integers(0, 255, (40, 40)).repeat(8, axis=0).repeat(8, axis=1)
    made = Remade(Frame(np.stack([grey] * 3, -1).astype(np.uint8)), astronaut_face)
    strength, phase = end(BASELINES["blocking"](Path(), made)), end(BASELINES["quality"](Path(), made))
    assert strength["across_7"] == pytest.approx(8, rel=1e-3)
    assert strength["down_0"] == 0
    assert (phase["across_first_cos"], phase["down_first_sin"]) == pytest.approx((0.5**0.5, -(0.5**0.5)))
    moved = Remade(Frame(np.ascontiguousarray(made.frame.pixels[4:, 4:])), astronaut_face)
    assert end(BASELINES["quality"](Path(), moved))["across_first_cos"] == pytest.approx(-(0.5**0.5))


def test_blur_residual_sees_a_grid_of_period_two(astronaut: Pixels, astronaut_face: Face) -> None:
    def share(pixels: Pixels) -> float:
        return BASELINES["blur residual"](Path(), Remade(Frame(pixels), astronaut_face))[
            "blur.native.spectrum.nose.peak"
        ]

    stripes = (np.arange(512) % 2 * 6).astype(np.uint8)[None, :, None]
    assert share(np.minimum(astronaut, 249) + stripes) > share(astronaut) + 0.5
