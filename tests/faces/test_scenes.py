"""Training scenes: labels stay where the pixels go."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.faces.scenes import DOUBTFUL, SIZES, Picture, make_scene, move
from detector.types import Array, Face, Pixels


@pytest.fixture(scope="module")
def picture(astronaut: Pixels, astronaut_face: Face) -> Picture:
    row = np.concatenate([astronaut_face.box, astronaut_face.landmarks.ravel(), [0.95]]).astype(np.float32)
    return Picture(astronaut, row[None])


def square(score: float = 0.9) -> Array:
    marks = [2, 4, 8, 4, 5, 6, 3, 8, 7, 8]
    return np.array([[0, 0, 10, 10, *marks, score]], np.float32)


def test_a_shift_moves_everything() -> None:
    moved = move(square(), np.array([[1.0, 0, 5], [0, 1, -2]]))

    np.testing.assert_allclose(moved[0, :4], [5, -2, 15, 8], atol=1e-5)
    np.testing.assert_allclose(moved[0, 4:6], [7, 2], atol=1e-5)
    assert moved[0, 14] == pytest.approx(0.9)


def test_a_quarter_turn_swaps_the_sides_of_a_box() -> None:
    tall = np.array([[0, 0, 10, 20, *[5, 10] * 5, 1.0]], np.float32)
    moved = move(tall, np.array([[0.0, 1, 0], [-1, 0, 0]]))

    np.testing.assert_allclose(moved[0, :4], [0, -10, 20, 0], atol=1e-5)


@settings(deadline=None)
@given(angle=st.floats(-3.1, 3.1), scale=st.floats(0.1, 5))
def test_landmarks_keep_their_shape(angle: float, scale: float) -> None:
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    before = square()[0, 4:14].reshape(5, 2)
    after = move(square(), np.array([[cos, -sin, 3], [sin, cos, 4]]))[0, 4:14].reshape(5, 2)

    for a, b in ((0, 1), (0, 4), (2, 3)):
        want = scale * np.linalg.norm(before[a] - before[b])
        assert np.linalg.norm(after[a] - after[b]) == pytest.approx(want, rel=1e-3)


def test_the_same_state_gives_the_same_scene(picture: Picture) -> None:
    one, two = (make_scene([picture], 128, np.random.default_rng([7, 3])) for _ in range(2))

    np.testing.assert_array_equal(one.pixels, two.pixels)
    np.testing.assert_array_equal(one.faces, two.faces)


@pytest.mark.parametrize("seed", range(40))
def test_a_scene_keeps_its_promises(picture: Picture, seed: int) -> None:
    scene = make_scene([picture], 128, np.random.default_rng(seed))

    assert scene.pixels.shape == (128, 128, 3)
    assert scene.pixels.dtype == np.uint8
    sizes = (scene.faces[:, 2:4] - scene.faces[:, :2]).max(axis=1, initial=SIZES[0])
    assert sizes.min(initial=SIZES[0]) >= SIZES[0] - 0.01
    assert sizes.max(initial=SIZES[0]) <= SIZES[1] + 0.01
    middles = (scene.faces[:, :2] + scene.faces[:, 2:4]) / 2
    assert ((middles > -20) & (middles < 148)).all()


def test_right_eyes_stay_right_when_mirrored(picture: Picture) -> None:
    """In pictures that are hardly turned the right eye has the smaller x, mirrored or not."""
    upright = 0
    for seed in range(120):
        for face in make_scene([picture], 128, np.random.default_rng(seed)).faces:
            across, down = face[6:8] - face[4:6]
            if abs(down) < 0.3 * abs(across):
                assert across > 0
                upright += 1

    assert upright > 20


def test_what_the_teacher_doubts_is_left_open(astronaut: Pixels, picture: Picture) -> None:
    doubted = picture.candidates.copy()
    doubted[:, 14] = (DOUBTFUL + 0.7) / 2
    scenes = [make_scene([Picture(astronaut, doubted)], 128, np.random.default_rng(seed)) for seed in range(20)]

    assert all(len(scene.faces) == 0 for scene in scenes)
    assert any(len(scene.open) for scene in scenes)
