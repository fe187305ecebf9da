"""Histories: the same for the same seed, inside their ranges, and the landmarks stay on their pixels."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.benchmark.histories.history import STRICT, History, apply_history, jpeg, remake
from detector.types import Face, Frame, Pixels

EVERY_STEP = replace(STRICT, small_px=(100.0, 140.0))
NO_CODEC = History(context=1.6, first_quality=None, last_quality=None, face_px=(80.0, 320.0))
HISTORIES = [STRICT, EVERY_STEP, NO_CODEC]


def face_at(x: float, y: float, size: float) -> Face:
    box = np.array([x - size / 2, y - size / 2, x + size / 2, y + size / 2], np.float32)
    landmarks = np.array([[-0.2, -0.2], [0.2, -0.2], [0, 0], [-0.15, 0.25], [0.15, 0.25]], np.float32)
    marks = np.floor(landmarks * size + [x, y]) + 0.5  # the middle of a pixel
    return Face(box, marks.astype(np.float32), 1.0)


def dotted(face: Face, shape: tuple[int, int]) -> Pixels:
    """A grey picture with a white dot on every landmark."""
    pixels = np.full((*shape, 3), 90, np.uint8)
    for x, y in face.landmarks:
        cv2.circle(pixels, (int(x), int(y)), max(4, round(face.size / 40)), (255, 255, 255), -1)
    return pixels


@pytest.mark.parametrize("history", HISTORIES)
def test_one_seed_gives_one_history_and_another_another(
    astronaut_frame: Frame, astronaut_face: Face, history: History
) -> None:
    def made(seed: int) -> tuple[Frame, Face]:
        return apply_history(astronaut_frame, astronaut_face, history, np.random.default_rng(seed))

    np.testing.assert_array_equal(made(1)[0].pixels, made(1)[0].pixels)
    np.testing.assert_array_equal(made(1)[1].landmarks, made(1)[1].landmarks)
    assert made(1)[1].size != made(2)[1].size


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("size", [90.0, 260.0, 700.0])
def test_the_face_lands_in_the_range_and_its_landmarks_on_their_pixels(history: History, size: float) -> None:
    face = face_at(520, 480, size)
    for seed in range(4):
        frame, moved = apply_history(Frame(dotted(face, (1000, 1100))), face, history, np.random.default_rng(seed))
        assert history.face_px[0] <= moved.size <= history.face_px[1]
        bright = (frame.pixels[..., 1] > 170).astype(np.uint8)
        _, _, _, centres = cv2.connectedComponentsWithStats(bright)
        distance = np.linalg.norm(centres[1:, None] + 0.5 - moved.landmarks[None], axis=2).min(axis=0)
        assert distance.max() < 1


def test_a_face_at_the_border_keeps_its_place() -> None:
    face = face_at(60, 70, 100)
    frame, moved = apply_history(Frame(dotted(face, (150, 140))), face, NO_CODEC, np.random.default_rng(0))
    x, y = moved.landmarks[2].astype(int)
    assert frame.pixels[y, x, 1] > 170


@given(x=st.integers(-50, 250), y=st.integers(-50, 250), size=st.integers(70, 400), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=20)
def test_the_shape_of_the_result_tells_nothing_of_the_source(x: int, y: int, size: int, seed: int) -> None:
    """Wherever the face is and however large: one seed gives one shape, and one place of the face's centre."""

    def shape(face: Face, height: int, width: int) -> tuple[int, ...]:
        made = remake(Frame(np.zeros((height, width, 3), np.uint8)), face, STRICT, np.random.default_rng(seed))
        assert made.encoded is not None
        return made.frame.pixels.shape

    assert shape(face_at(x, y, size), 200, 300) == shape(face_at(500, 500, 300), 1000, 1000)


def test_the_finished_picture_can_be_resized_blurred_and_noisy(astronaut_frame: Frame, astronaut_face: Face) -> None:
    def made(**changes: float) -> tuple[Frame, Face]:
        return apply_history(astronaut_frame, astronaut_face, replace(STRICT, **changes), np.random.default_rng(0))

    def detail(frame: Frame) -> float:
        return float(np.abs(np.diff(frame.pixels[..., 1].astype(float), axis=1)).mean())

    (plain, face), (half, small) = made(), made(scale=0.5)
    assert half.pixels.shape[0] == round(plain.pixels.shape[0] / 2)
    assert small.size == pytest.approx(face.size / 2, rel=0.01)
    assert detail(made(blur=2.0)[0]) < 0.7 * detail(plain)
    error = made(noise=5.0)[0].pixels.astype(float) - plain.pixels
    assert error[60:-60, 60:-60].std() == pytest.approx(5, rel=0.1)


def test_the_reduction_takes_detail_away_from_a_large_face_only() -> None:
    """White noise after reduction and enlargement has lost its finest detail; a face that is small already has not."""
    noise = np.random.default_rng(0).integers(0, 255, (800, 800, 3)).astype(np.uint8)
    reduced = replace(NO_CODEC, context=2.0, small_px=(100.0, 100.0), face_px=(300.0, 300.0))
    plain = replace(reduced, small_px=None)

    def detail(size: float, history: History) -> float:
        frame, _ = apply_history(Frame(noise), face_at(400, 400, size), history, np.random.default_rng(0))
        return float(np.abs(np.diff(frame.pixels[..., 1].astype(float), axis=1)).mean())

    assert detail(300, reduced) < 0.5 * detail(300, plain)
    assert detail(100, reduced) == pytest.approx(detail(100, plain), rel=0.01)


def test_the_last_pass_leaves_its_grid_at_the_origin(astronaut: Pixels) -> None:
    """Encoding once more on the same grid changes little; on a grid shifted by 4 px much more."""
    made = jpeg(astronaut, 60)
    again = np.abs(jpeg(made, 60).astype(int) - made).mean()
    shifted = made[4:, 4:]
    assert again < 0.5 * np.abs(jpeg(np.ascontiguousarray(shifted), 60).astype(int) - shifted).mean()


def test_jpeg_keeps_the_order_of_the_channels() -> None:
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 200
    assert np.abs(jpeg(red, 95).astype(int) - red).max() < 6
