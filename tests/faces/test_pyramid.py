"""Levels, and the merging of what they give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.faces.pyramid import COLUMNS, Level, iou, suppress, to_faces, view, views
from detector.types import Array


def candidate(x0: float, y0: float, x1: float, y1: float, score: float) -> Array:
    row = np.zeros(COLUMNS, np.float32)
    row[:4], row[4:14], row[14] = (x0, y0, x1, y1), (x0 + x1) / 2, score
    return row


def test_iou_by_hand() -> None:
    a = np.array([[0, 0, 10, 10]], np.float32)
    b = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10], [2, 2, 4, 4], [3, 3, 3, 3]], np.float32)

    np.testing.assert_allclose(iou(a, b), [[1, 1 / 3, 0, 0.04, 0]], atol=1e-6)


def test_of_two_that_overlap_the_surer_stays() -> None:
    rows = np.stack([candidate(0, 0, 10, 10, 0.6), candidate(1, 0, 11, 10, 0.9), candidate(40, 0, 50, 10, 0.7)])

    np.testing.assert_allclose(suppress(rows)[:, 14], [0.9, 0.7])


def test_a_nose_is_no_face_within_a_face() -> None:
    rows = np.stack([candidate(0, 0, 100, 100, 0.9), candidate(40, 40, 60, 60, 0.8)])

    assert len(suppress(rows)) == 1


def test_neighbours_stay_both() -> None:
    rows = np.stack([candidate(0, 0, 100, 100, 0.9), candidate(80, 0, 180, 100, 0.8)])

    assert len(suppress(rows)) == 2


def test_nothing_stays_nothing() -> None:
    assert suppress(np.empty((0, COLUMNS), np.float32)).shape == (0, COLUMNS)
    assert to_faces(np.empty((0, COLUMNS), np.float32)) == ()


def test_faces_are_sorted_by_size() -> None:
    faces = to_faces(np.stack([candidate(0, 0, 10, 10, 0.9), candidate(40, 0, 90, 50, 0.5)]))

    assert [face.size for face in faces] == [50, 10]


@settings(deadline=None)
@given(
    height=st.integers(1, 900),
    width=st.integers(1, 900),
    side=st.sampled_from([64, 192, 480]),
    margin=st.sampled_from([0.0, 1 / 6, 0.25]),
)
def test_there_and_back(height: int, width: int, side: int, margin: float) -> None:
    looked = view(np.zeros((height, width, 3), np.uint8), Level(side, margin))
    corner = candidate(0, 0, width, height, 1.0)[None]
    there = corner.copy()
    there[:, :14] = corner[:, :14] * looked.scale + looked.margin

    assert all(length % 32 == 0 for length in looked.pixels.shape[:2])
    np.testing.assert_allclose(looked.to_picture(there), corner, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize(("longest", "count"), [(100, 1), (239, 1), (240, 2), (2000, 2)])
def test_a_small_picture_is_not_enlarged_too_much(longest: int, count: int) -> None:
    levels = (Level(192), Level(480, max_zoom=2.0))

    assert len(views(np.zeros((50, longest, 3), np.uint8), levels)) == count


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (640, 12)])
def test_no_side_is_so_short_that_yunet_reads_foreign_memory(shape: tuple[int, int]) -> None:
    assert min(view(np.zeros((*shape, 3), np.uint8), Level(640)).pixels.shape[:2]) >= 64
