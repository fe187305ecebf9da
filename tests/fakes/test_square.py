"""The square around a face: cut and pasted without a trace of the cutting itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detector.fakes.square import CONTEXT, STRIDE, at_a_scale, cut_square, draw_side, paste, shrink, whole
from detector.types import Face, Frame


def test_what_is_cut_and_pasted_unchanged_is_the_picture(astronaut_frame: Frame, astronaut_face: Face) -> None:
    square = cut_square(astronaut_frame, astronaut_face)
    assert square.side % STRIDE == 0
    assert square.side >= CONTEXT * astronaut_face.size
    fake = paste(astronaut_frame, astronaut_face, square, square.pixels, whole(square.side))
    assert np.array_equal(fake.frame.pixels, astronaut_frame.pixels)


def test_the_grid_of_a_generator_may_lie_anywhere(astronaut_frame: Frame, astronaut_face: Face) -> None:
    rng, middle = np.random.default_rng(0), cut_square(astronaut_frame, astronaut_face).corner
    shifts = {tuple(cut_square(astronaut_frame, astronaut_face, rng).corner - middle) for _ in range(1000)}
    assert shifts == {(x, y) for x in range(-4, 4) for y in range(-4, 4)}


def test_landmarks_point_at_the_same_pixels(astronaut_frame: Frame, astronaut_face: Face) -> None:
    square = cut_square(astronaut_frame, astronaut_face)
    for (x, y), (u, v) in zip(astronaut_face.landmarks.astype(int), square.landmarks.astype(int), strict=True):
        assert np.array_equal(np.round(square.pixels[v, u] * 255), astronaut_frame.pixels[y, x])


def test_half_a_mask_is_half_the_way(astronaut_frame: Frame, astronaut_face: Face) -> None:
    square = cut_square(astronaut_frame, astronaut_face)
    mask = np.full((square.side, square.side), 0.5, np.float32)
    fake = paste(astronaut_frame, astronaut_face, square, np.ones_like(square.pixels), mask)
    x, y = astronaut_face.landmarks[2].astype(int)
    want = (astronaut_frame.pixels[y, x].astype(float) + 255) / 2
    assert fake.frame.pixels[y, x] == pytest.approx(want, abs=0.51)


def test_the_rim_is_soft_and_the_middle_whole() -> None:
    mask = whole(128)
    assert mask[0].max() == 0
    assert mask[10:-10, 10:-10].min() == 1
    assert np.abs(np.diff(mask, axis=0)).max() < 0.25


@pytest.mark.parametrize("seed", range(6))
def test_a_change_that_changes_nothing_leaves_the_face_as_it_was(
    seed: int, astronaut_frame: Frame, astronaut_face: Face
) -> None:
    square = cut_square(astronaut_frame, astronaut_face)
    made = at_a_scale(square, lambda pixels: pixels, np.random.default_rng(seed))
    assert np.abs(made - square.pixels).mean() < 0.02, "at most the scale is lost"


def test_a_generator_works_at_the_scales_of_generators(astronaut_frame: Frame, astronaut_face: Face) -> None:
    rng = np.random.default_rng(0)
    large = replace(cut_square(astronaut_frame, astronaut_face), pixels=np.zeros((1088, 1088, 3), np.float32))
    large = replace(large, face_px=800.0)
    sides = [draw_side(large, rng) for _ in range(300)]
    assert all(side % STRIDE == 0 for side in sides)
    assert (min(sides), max(sides)) == (128, 448), "faces of 96 to 320 px in their context, to the nearest stride"
    small = cut_square(astronaut_frame, astronaut_face)
    native = [draw_side(small, rng) == small.side for _ in range(200)]
    assert 0.2 < np.mean(native) < 1, "often at the scale it has"


def test_a_donor_is_made_small_and_keeps_its_face(astronaut_frame: Frame, astronaut_face: Face) -> None:
    doubled = Frame(astronaut_frame.pixels.repeat(4, axis=0).repeat(4, axis=1))
    face = replace(astronaut_face, box=astronaut_face.box * 4, landmarks=astronaut_face.landmarks * 4)
    frame, moved = shrink(doubled, face)
    assert moved.size == pytest.approx(320, rel=0.02)
    assert max(frame.pixels.shape) < 480
    for (x, y), (u, v) in zip(moved.landmarks.astype(int), astronaut_face.landmarks.astype(int), strict=True):
        near = astronaut_frame.pixels[v - 1 : v + 2, u - 1 : u + 2].astype(int)
        assert (near.min((0, 1)) - 12 <= frame.pixels[y, x]).all()
        assert (frame.pixels[y, x] <= near.max((0, 1)) + 12).all()
