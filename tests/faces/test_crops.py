"""Crops: cut where a cut will do, reduced only when the face is large, and always in the right place."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.faces import concat_crops, crop_faces
from detector.types import Array, Crops, Face, Frame, Pixels

MARKS = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)


def noise(height: int = 400, width: int = 500) -> Frame:
    return Frame(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


def face(x: float, y: float, width: float, height: float) -> Face:
    box = np.array([x, y, x + width, y + height], np.float32)
    return Face(box, box[:2] + MARKS * np.array([width, height], np.float32), 1.0)


def cut(frame: Frame, box: Array) -> Array:
    """The pixels of a frame inside a box, as a crop has them."""
    x0, y0, x1, y1 = box.astype(int)
    return (frame.pixels[y0:y1, x0:x1].transpose(2, 0, 1) / 255).astype(np.float32)


def native(crops: Crops) -> list[int]:
    return [int(row) for row in np.flatnonzero(crops.native)]


@pytest.mark.parametrize(("size_px", "tiles"), [(40, 1), (116, 1), (170, 1), (180, 4), (232, 4), (300, 9), (320, 9)])
def test_a_face_is_cut_into_as_many_tiles_as_it_takes(size_px: int, tiles: int) -> None:
    crops = crop_faces(noise(), [face(100, 40, size_px * 0.8, size_px)])

    assert crops.native.sum() == tiles
    assert crops.whole.sum() == 1
    assert len(crops) == (1 if tiles == 1 else tiles + 1)
    assert bool(crops.native[0]) == (tiles == 1)


@settings(deadline=None)
@given(
    x=st.floats(60, 120),
    y=st.floats(60, 120),
    height=st.floats(40, 320),
    ratio=st.floats(0.6, 1.0),
    size=st.sampled_from([64, 128]),
)
def test_up_to_320_px_the_pixels_of_a_tile_are_those_of_the_frame(
    x: float, y: float, height: float, ratio: float, size: int
) -> None:
    frame = noise(700, 700)
    crops = crop_faces(frame, [face(x + 80, y + 80, height * ratio, height)], size)

    for row in native(crops):
        np.testing.assert_array_equal(crops.pixels[row], cut(frame, crops.boxes[row]))


def test_the_whole_view_is_the_block_mean_of_its_window() -> None:
    frame = noise()
    crops = crop_faces(frame, [face(120, 80, 190, 230)])
    x0, y0, x1, y1 = crops.boxes[0].astype(int)
    window = frame.pixels[y0:y1, x0:x1].astype(np.float64) / 255

    assert (x1 - x0, y1 - y0) == (256, 256)
    by_hand = (window[::2, ::2] + window[1::2, ::2] + window[::2, 1::2] + window[1::2, 1::2]) / 4
    np.testing.assert_allclose(crops.pixels[0], by_hand.transpose(2, 0, 1), atol=1e-6)


def test_the_tiles_fill_the_window_without_a_gap() -> None:
    crops = crop_faces(noise(), [face(120, 80, 190, 230)])
    corners = crops.boxes[1:] - np.tile(crops.boxes[0, :2], 2)

    assert corners.tolist() == [[0, 0, 128, 128], [128, 0, 256, 128], [0, 128, 128, 256], [128, 128, 256, 256]]


def test_the_window_is_centred_on_the_face() -> None:
    one = face(120, 80, 100, 120)
    crops = crop_faces(noise(), [one])

    assert crops.boxes[0].tolist() == [106, 76, 234, 204]


@pytest.mark.parametrize("height", [90, 230, 310, 500, 800])
def test_landmarks_stand_where_the_boxes_say(height: int) -> None:
    one = face(100, 100, height * 0.8, height)
    crops = crop_faces(noise(1000, 1000), [one])

    for row in range(len(crops)):
        box = crops.boxes[row]
        back = box[:2] + crops.landmarks[row] * (box[2:] - box[:2]) / crops.size
        np.testing.assert_allclose(back, one.landmarks, atol=height / 256 + 0.5)


@pytest.mark.parametrize("height", [321, 500, 900])
def test_a_large_face_is_reduced_to_256_px_first(astronaut: Pixels, height: int) -> None:
    big = cv2.resize(astronaut[40:200, 150:310], (height * 2, height * 2))
    one = face(height * 0.6, height * 0.5, height * 0.8, height)
    crops = crop_faces(Frame(np.asarray(big, np.uint8)), [one])

    assert crops.native.sum() == 4
    assert (crops.boxes[0, 2] - crops.boxes[0, 0]) == pytest.approx(height, rel=0.01)


def test_beyond_the_frame_its_edge_goes_on() -> None:
    frame = noise(60, 60)
    crops = crop_faces(frame, [face(-10, 0, 60, 60)])
    x0, y0 = crops.boxes[0, :2].astype(int)
    edge = np.pad(frame.pixels, ((-y0, 128), (-x0, 128), (0, 0)), mode="edge")[:128, :128]

    assert x0 < 0
    assert y0 < 0
    np.testing.assert_array_equal(crops.pixels[0], (edge.transpose(2, 0, 1) / 255).astype(np.float32))


def test_faces_keep_their_row() -> None:
    crops = crop_faces(noise(), [face(10, 10, 60, 60), face(120, 80, 190, 230), face(300, 10, 80, 90)])

    assert crops.faces.tolist() == [0, 1, 1, 1, 1, 1, 2]


def test_nobody_gives_no_crop() -> None:
    crops = crop_faces(noise(), [])

    assert len(crops) == 0
    assert crops.pixels.shape == (0, 3, 128, 128)


def test_batches_are_joined_in_order() -> None:
    parts = [crop_faces(noise(), [face(10 * n, 10, 60, 60)]) for n in (1, 2)]
    parts[1] = replace(parts[1], faces=parts[1].faces + 1)
    crops = concat_crops(parts, 128)

    assert crops.faces.tolist() == [0, 1]
    np.testing.assert_array_equal(crops.pixels, np.concatenate([part.pixels for part in parts]))
