"""The window of a face is its native tiles side by side, px by px."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from detector.errors import ShapeError
from detector.explain import absolute_error, face_evidence, stitch
from detector.faces.crops import concat_crops, crop_faces
from detector.types import Crops, Face, Frame, Pixels


def at_scale(pixels: Pixels, face: Face, scale: float) -> tuple[Frame, Face]:
    larger = np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale), np.uint8)
    return Frame(larger), Face(face.box * np.float32(scale), face.landmarks * np.float32(scale), 1.0)


def crops_at(astronaut: Pixels, face: Face, scale: float) -> tuple[Frame, Crops]:
    frame, larger = at_scale(astronaut, face, scale)
    return frame, crop_faces(frame, [larger])


@pytest.mark.parametrize(("scale", "tiles"), [(1.0, 1), (2.0, 4), (2.8, 9)])
def test_a_window_is_a_cut_of_the_frame(astronaut: Pixels, astronaut_face: Face, scale: float, tiles: int) -> None:
    frame, crops = crops_at(astronaut, astronaut_face, scale)
    assert crops.native.sum() == tiles
    evidence = face_evidence(crops, crops.pixels, 0)
    x0, y0, x1, y1 = evidence.box.astype(int)
    cut = frame.pixels[y0:y1, x0:x1].transpose(2, 0, 1) / np.float32(255)
    np.testing.assert_allclose(evidence.pixels, cut, atol=1e-6)
    np.testing.assert_array_equal(evidence.pixels, evidence.reconstruction)
    assert not evidence.error.any()


def test_the_order_of_the_tiles_does_not_matter(astronaut: Pixels, astronaut_face: Face) -> None:
    _, crops = crops_at(astronaut, astronaut_face, 2.8)
    order = np.random.default_rng(0).permutation(len(crops))
    columns = ("pixels", "landmarks", "boxes", "faces", "whole", "native")
    shuffled = Crops(*(getattr(crops, name)[order] for name in columns))
    np.testing.assert_array_equal(stitch(shuffled, shuffled.pixels, 0), stitch(crops, crops.pixels, 0))


def test_each_face_gets_its_own_tiles(astronaut: Pixels, astronaut_face: Face) -> None:
    frame, face = at_scale(astronaut, astronaut_face, 2.0)
    other = Face(face.box + np.float32(300), face.landmarks + np.float32(300), 1.0)
    both, alone = crop_faces(frame, [face, other]), crop_faces(frame, [other])
    np.testing.assert_array_equal(stitch(both, both.pixels, 1), stitch(alone, alone.pixels, 0))


def test_a_reduced_face_keeps_its_box_in_the_frame(astronaut: Pixels, astronaut_face: Face) -> None:
    frame, crops = crops_at(astronaut, astronaut_face, 6.0)
    box = face_evidence(crops, crops.pixels, 0).box
    larger = astronaut_face.box * 6
    assert (box[:2] <= larger[:2] + 15).all()
    assert (box[2:] >= larger[2:] - 15).all()
    assert box[2] - box[0] > 384
    assert frame.pixels.shape[0] == 3072


def test_without_native_tiles_the_whole_view_is_shown(astronaut: Pixels, astronaut_face: Face) -> None:
    """What is shown is what the VAE saw, in the same place of the frame."""
    _, crops = crops_at(astronaut, astronaut_face, 2.0)
    evidence = face_evidence(crops.of(["whole"]), crops.pixels[crops.whole], 0)
    np.testing.assert_array_equal(evidence.pixels, crops.pixels[crops.whole][0])
    np.testing.assert_array_equal(evidence.box, face_evidence(crops, crops.pixels, 0).box)


def test_the_error_is_the_mean_over_rgb() -> None:
    pixels = np.zeros((1, 3, 2, 2), np.float32)
    reconstruction = pixels.copy()
    reconstruction[0, :, 0, 1] = (0.3, 0.0, 0.6)
    np.testing.assert_allclose(absolute_error(pixels, reconstruction), [[[0, 0.3], [0, 0]]], atol=1e-7)


def test_what_does_not_fit_is_refused(astronaut: Pixels, astronaut_face: Face) -> None:
    _, crops = crops_at(astronaut, astronaut_face, 2.0)
    with pytest.raises(ShapeError, match="face 7"):
        stitch(crops, crops.pixels, 7)
    with pytest.raises(ShapeError, match="reconstruction"):
        face_evidence(crops, crops.pixels[:, :, ::2, ::2], 0)
    columns = ("pixels", "landmarks", "boxes", "faces", "whole", "native")
    torn = Crops(*(getattr(crops, name)[:-1] for name in columns))
    with pytest.raises(ShapeError, match="grid"):
        stitch(torn, torn.pixels, 0)
    with pytest.raises(ShapeError, match="face 0"):
        stitch(concat_crops([], 128), np.empty((0, 3, 128, 128), np.float32), 0)
