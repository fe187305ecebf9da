"""Masks and warps from five landmarks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.fakes.outline import (
    HULLS,
    TEMPLATE,
    face_frame,
    fit_affine,
    fit_similarity,
    hull_mask,
    region_mask,
)
from detector.types import Array

MARKS = TEMPLATE * 60 + np.array([128, 90], np.float32)
"""An upright face whose eyes are 60 px apart, in a square of 256 px."""


def apply(matrix: Array, points: Array) -> Array:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float32)


@given(scale=st.floats(0.1, 10), turn=st.floats(-3.1, 3.1), shift=st.tuples(st.floats(-100, 100), st.floats(-100, 100)))
def test_fits_find_the_map_that_there_is(scale: float, turn: float, shift: tuple[float, float]) -> None:
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = (TEMPLATE @ linear.T + np.array(shift)).astype(np.float32)
    for fit in (fit_similarity, fit_affine):
        assert apply(fit(TEMPLATE, moved), TEMPLATE) == pytest.approx(moved, abs=1e-2)
    assert apply(face_frame(moved), TEMPLATE) == pytest.approx(moved, abs=1e-2)


def test_a_similarity_never_mirrors() -> None:
    mirrored = TEMPLATE * np.array([-1, 1], np.float32)
    assert np.linalg.det(fit_similarity(TEMPLATE, mirrored)[:, :2]) > 0
    assert np.linalg.det(fit_affine(TEMPLATE, mirrored)[:, :2]) < 0


@pytest.mark.parametrize("name", HULLS)
def test_a_hull_covers_its_part_of_the_face(name: str) -> None:
    marks = MARKS.astype(int)
    for seed in range(5):
        mask = hull_mask(MARKS, 256, np.random.default_rng(seed), [name])
        assert mask.shape == (256, 256)
        assert 0 <= mask.min() <= mask.max() <= 1
        inside = mask[marks[:, 1], marks[:, 0]]
        parts = {"lower": inside[3:], "eyes": inside[:2]}.get(name, inside)
        assert parts.min() > 0.5
        assert mask[[0, -1]].max() == mask[:, [0, -1]].max() == 0, "it ends before the square does"


def test_masks_are_soft_connected_and_never_twice_the_same() -> None:
    seen = set()
    for seed in range(30):
        rng = np.random.default_rng(seed)
        mask = (hull_mask if seed % 2 else region_mask)(MARKS, 256, rng)
        count = cv2.connectedComponents((mask > 0.5).astype(np.uint8))[0] - 1
        assert 1 <= count <= 2, "one piece, or two eyes or cheeks"
        steps = max(np.abs(np.diff(mask, axis=axis)).max() for axis in (0, 1))
        assert steps < 0.6, "no hard edge"
        seen.add(mask.tobytes())
    assert len(seen) == 30


def test_regions_are_parts_of_the_face() -> None:
    hull = hull_mask(MARKS, 256, np.random.default_rng(0), ["with forehead"])
    areas = [region_mask(MARKS, 256, np.random.default_rng(seed)).sum() / hull.sum() for seed in range(40)]
    assert 0.01 < min(areas) < 0.15
    assert 0.4 < max(areas) < 1.2
