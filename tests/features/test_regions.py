"""Masks are shares of a pixel, and they follow the face wherever it goes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from detector.errors import ShapeError
from detector.features import REGIONS, region_masks
from detector.types import Face

UPRIGHT = torch.tensor([[[24.0, 26.0], [41.0, 25.0], [31.0, 34.0], [25.0, 43.0], [40.0, 42.0]]])
SWAP = [1, 0, 2, 4, 3]
SWAPPED_REGIONS = [1, 0, 2, 3, 5, 4, 6, 7, 8]


def owner(masks: Tensor, x: float, y: float) -> str:
    return REGIONS[int(masks[0, :, int(y), int(x)].argmax())]


@settings(max_examples=60, deadline=None)
@given(arrays(np.float32, (2, 5, 2), elements=st.floats(-300, 500, width=32)))
def test_masks_sum_to_one_whatever_the_landmarks(landmarks: np.ndarray) -> None:
    masks = region_masks(torch.from_numpy(landmarks), 16)
    assert masks.shape == (2, len(REGIONS), 16, 16)
    assert masks.min() >= 0
    torch.testing.assert_close(masks.sum(dim=1), torch.ones(2, 16, 16))


def test_coincident_landmarks_leave_background_and_no_nan() -> None:
    masks = region_masks(torch.full((1, 5, 2), 8.0), 16)
    torch.testing.assert_close(masks.sum(dim=1), torch.ones(1, 16, 16))
    assert owner(masks, 15, 15) == "background"


def test_every_landmark_lies_in_its_region(astronaut_face: Face) -> None:
    landmarks = torch.from_numpy(astronaut_face.landmarks)[None] - torch.tensor([160.0, 60.0])
    masks = region_masks(landmarks, 128)
    assert [owner(masks, *mark) for mark in landmarks[0].tolist()] == [
        "right_eye",
        "left_eye",
        "nose",
        "mouth",
        "mouth",
    ]
    (right, left, *_), down = landmarks[0], torch.tensor([0.0, 45.0])
    assert owner(masks, *(right - torch.tensor([3.0, -28.0])).tolist()) == "right_cheek"
    assert owner(masks, *(left + torch.tensor([6.0, 26.0])).tolist()) == "left_cheek"
    assert owner(masks, *((right + left) / 2 - down / 2).tolist()) == "forehead"
    assert owner(masks, *((right + left) / 2 + 1.8 * down).tolist()) == "jaw"
    assert owner(masks, 2, 2) == "background"


def test_mirroring_the_face_swaps_right_and_left() -> None:
    mirrored = UPRIGHT[:, SWAP].clone()
    mirrored[..., 0] = 64 - mirrored[..., 0]
    expected = region_masks(UPRIGHT, 64).flip(-1)[:, SWAPPED_REGIONS]
    torch.testing.assert_close(region_masks(mirrored, 64), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_masks_turn_with_the_face(quarters: int) -> None:
    landmarks = UPRIGHT.clone()
    for _ in range(quarters):
        landmarks = torch.stack([landmarks[..., 1], 64 - landmarks[..., 0]], dim=-1)
    expected = torch.rot90(region_masks(UPRIGHT, 64), quarters, dims=(-2, -1))
    torch.testing.assert_close(region_masks(landmarks, 64), expected, atol=1e-4, rtol=0)


def test_a_tile_has_its_part_of_the_masks() -> None:
    tile = region_masks(UPRIGHT - torch.tensor([32.0, 16.0]), 32)
    torch.testing.assert_close(tile, region_masks(UPRIGHT, 64)[..., 16:48, 32:64], atol=1e-4, rtol=0)


def test_the_half_that_is_turned_away_is_narrow() -> None:
    turned = torch.tensor([[[40.0, 50.0], [70.0, 50.0], [48.0, 65.0], [42.0, 80.0], [66.0, 80.0]]])
    mass = dict(zip(REGIONS, region_masks(turned, 128)[0].sum(dim=(1, 2)).tolist(), strict=True))
    assert mass["right_cheek"] < 0.6 * mass["left_cheek"]


def test_another_number_of_landmarks_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"expected shape \(\*, 5, 2\), got \(1, 68, 2\)"):
        region_masks(torch.zeros(1, 68, 2), 16)
