"""What is too small or too blurry, beside scikit-image's independent implementation of the blur effect."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.faces import FaceLimits, sharpness, unusable
from detector.types import Face, Frame, Pixels


def blurred(pixels: Pixels, sigma: float) -> Frame:
    return Frame(np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.uint8))


def moved(face: Face, box: list[float]) -> Face:
    return replace(face, box=np.array(box, np.float32))


def test_a_good_face_is_usable(astronaut_frame: Frame, astronaut_face: Face) -> None:
    assert unusable(astronaut_frame, astronaut_face) is None


def test_the_limit_of_size_is_the_longer_side(astronaut_frame: Frame, astronaut_face: Face) -> None:
    assert unusable(astronaut_frame, astronaut_face, FaceLimits(min_px=113)) is None
    assert unusable(astronaut_frame, astronaut_face, FaceLimits(min_px=113.1)) == "too_small"


def test_a_face_blurred_beyond_recognition_is_refused(astronaut: Pixels, astronaut_face: Face) -> None:
    assert unusable(blurred(astronaut, 5.0), astronaut_face) == "too_blurry"
    assert unusable(blurred(astronaut, 0.7), astronaut_face) is None


def test_sharpness_falls_with_blur(astronaut: Pixels, astronaut_face: Face) -> None:
    measured = [sharpness(blurred(astronaut, sigma), astronaut_face) for sigma in (0.3, 1, 2, 4, 8)]

    assert measured == sorted(measured, reverse=True)


def test_sharpness_is_one_minus_the_blur_effect_of_scikit_image(astronaut: Pixels, astronaut_face: Face) -> None:
    from skimage.measure import blur_effect

    x0, y0, x1, y1 = astronaut_face.box.astype(int)
    grey = cv2.cvtColor(astronaut[y0:y1, x0:x1], cv2.COLOR_RGB2GRAY).astype(float)

    assert sharpness(Frame(astronaut), astronaut_face) == pytest.approx(1 - blur_effect(grey, h_size=11), abs=0.02)


@settings(deadline=None)
@given(gain=st.floats(0.4, 1.0))
def test_sharpness_hardly_depends_on_contrast(astronaut: Pixels, astronaut_face: Face, gain: float) -> None:
    dim = Frame(np.asarray(astronaut * gain, np.uint8))

    assert sharpness(dim, astronaut_face) == pytest.approx(sharpness(Frame(astronaut), astronaut_face), abs=0.03)


@pytest.mark.parametrize("zoom", [2, 4])
def test_a_large_face_is_measured_at_the_size_of_a_small_one(
    astronaut: Pixels, astronaut_face: Face, zoom: int
) -> None:
    large = cv2.resize(astronaut, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
    face = moved(astronaut_face, (astronaut_face.box * zoom).tolist())

    small = sharpness(Frame(astronaut), astronaut_face)
    assert sharpness(Frame(np.asarray(large, np.uint8)), face) == pytest.approx(small, abs=0.1)


def test_without_variation_there_is_no_sharpness(astronaut_face: Face) -> None:
    assert sharpness(Frame(np.full((512, 512, 3), 90, np.uint8)), astronaut_face) == 0


@pytest.mark.parametrize("box", [[600, 600, 700, 700], [-90, -90, 2, 2], [30, 30, 30, 30]])
def test_a_face_outside_the_frame_has_no_sharpness(
    astronaut_frame: Frame, astronaut_face: Face, box: list[float]
) -> None:
    assert sharpness(astronaut_frame, moved(astronaut_face, box)) == 0
