"""Flicker, its order in time and the rim, against what is known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from detector.features.residual import FLOOR
from tests.features.motion.clips import SIDE, a_clip, lively, texture, told, with_error

STILL = a_clip(np.repeat(texture()[None], 16, axis=0))


def everywhere(values: np.ndarray) -> np.ndarray:
    """An error that is the same at every pixel: (T,) to (T, 3, S, S)."""
    return np.broadcast_to(values[:, None, None, None], (len(values), 3, SIDE, SIDE)).astype(np.float32)


def test_a_still_clip_does_not_flicker() -> None:
    frozen = with_error(STILL, np.repeat(np.random.default_rng(0).normal(0, 0.05, (1, 3, SIDE, SIDE)), 16, axis=0))
    got = told(STILL, frozen, "flicker")
    assert got["whole.log_abs"] == pytest.approx(np.log(FLOOR))
    assert got["whole.ratio"] == 0
    assert got["mouth.persistence"] == pytest.approx(1)
    assert got["mouth.follows"] == 0


def test_an_error_that_changes_its_sign_by_hand() -> None:
    got = told(STILL, with_error(STILL, everywhere(0.1 * (-1.0) ** np.arange(16))), "flicker")
    assert got["jaw.log_abs"] == pytest.approx(np.log(0.2 + FLOOR), abs=1e-4)
    assert got["jaw.ratio"] == pytest.approx(np.log(0.2 + FLOOR) - np.log(FLOOR), abs=1e-4)
    assert got["jaw.persistence"] == pytest.approx(-1, abs=1e-4)
    assert got["whole.face_contrast_log_abs"] == pytest.approx(0, abs=1e-4)


def test_an_error_that_is_a_part_of_the_picture_follows_it() -> None:
    clip = lively(0)
    got = told(clip, with_error(clip, clip.pixels * 0.5), "flicker")
    assert got["nose.follows"] == pytest.approx(1, abs=1e-5)
    assert got["nose.ratio"] == pytest.approx(np.log(0.5), abs=0.01)


def test_one_jump_is_a_burst() -> None:
    """Of 15 changes one is 0.15 and the others none: mean 0.01, standard deviation sqrt(0.15^2 / 15 - 0.01^2)."""
    got = told(STILL, with_error(STILL, everywhere(0.15 * (np.arange(16) > 7))), "flicker")
    expected = np.log(np.sqrt(0.15**2 / 15 - 0.01**2) / (0.01 + FLOOR))
    assert got["whole.bursts"] == pytest.approx(expected, abs=1e-3)


def test_flicker_on_the_mouth_alone_is_the_mouths() -> None:
    rng, clip = np.random.default_rng(0), STILL
    error = np.zeros(clip.pixels.shape, np.float32)
    error[:, :, 30:37, 17:31] = rng.normal(0, 0.05, (16, 3, 7, 14))
    got = told(clip, with_error(clip, error), "flicker")
    levels = {name.split(".")[0]: value for name, value in got.items() if name.endswith(".log_abs")}
    assert max(levels, key=levels.__getitem__) == "mouth"


@pytest.mark.parametrize(
    ("course", "order", "pace"),
    [
        (np.random.default_rng(0).normal(0, 0.05, 400), 0, 0),
        (np.cumsum(np.random.default_rng(1).normal(0, 0.01, 400)), None, -np.log(2)),
        (np.linspace(-0.3, 0.3, 400), np.log(6 / (400 * 401)), -np.log(4)),
        (0.1 * (-1.0) ** np.arange(400), np.log(2 * 399 / 400), None),
    ],
    ids=["noise", "random walk", "steady motion", "alternating"],
)
def test_the_order_of_known_courses(course: np.ndarray, order: float | None, pace: float | None) -> None:
    """A steady motion of T frames and step d: d^2 between neighbours, d^2 T (T + 1) / 6 between any two."""
    small = a_clip(np.full((400, 3, 16, 16), 0.5), marks=np.repeat((np.array([[[4.0, 5]]]) + FACE), 400, axis=0))
    made = with_error(small, everywhere(course)[..., :16, :16])
    got = told(small, made, "shuffle")
    if order is not None:
        assert got["whole.order"] == pytest.approx(order, abs=0.15)
    if pace is not None:
        assert got["whole.pace"] == pytest.approx(pace, abs=0.2)
    assert got["whole.order_excess"] == pytest.approx(got["whole.order"], abs=1e-3)


def test_the_shuffled_clip_is_the_mean_over_all_orders() -> None:
    """1, -1, 1, -1: any two differ by 2 in four of six pairs, squared 8 / 3 on average; neighbours by 4."""
    clip = a_clip(STILL.pixels[:4])
    got = told(clip, with_error(clip, everywhere(0.1 * np.array([1, -1, 1, -1]))), "shuffle")
    assert got["whole.order"] == pytest.approx(np.log(4 * 3 / 8), abs=1e-4)


FACE = np.array([[0, 0], [6, 0], [3, 3], [0.5, 7], [5.5, 7]])


def test_a_rim_that_breathes_by_hand() -> None:
    """All the error is scaled on every other frame but the cheeks' and the background's: only the rim's would be."""
    rng = np.random.default_rng(0)
    error = np.repeat(rng.normal(0, 0.05, (1, 3, SIDE, SIDE)), 16, axis=0)
    steady = told(STILL, with_error(STILL, error), "boundary")
    y, x = np.mgrid[:SIDE, :SIDE]
    radius = np.hypot((x - 24) / 18, (y - 22) / 24)
    rim = (abs(radius - 1) < 0.15) & (y > 12)
    error[::2] *= 1 + 2 * rim
    breathing = told(STILL, with_error(STILL, error), "boundary")
    assert steady["jaw.inside_breath"] == pytest.approx(0, abs=1e-3)
    assert breathing["jaw.inside_breath"] > 0.3
    # Two values in turn: every change is twice the standard deviation.
    assert breathing["jaw.inside_flutter"] == pytest.approx(2 * breathing["jaw.inside_breath"], rel=1e-3)
    assert breathing["jaw.outside_breath"] > 0.3
