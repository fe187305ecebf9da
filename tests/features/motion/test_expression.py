"""Eyes and a mouth that are drawn open and shut."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from detector.types import Clip
from tests.features.motion.clips import MARKS, SIDE, a_clip, blurred, told

SHUT = np.array([0] * 5 + [1] + [0] * 6)
"""One blink in twelve frames."""


def drawn(right: np.ndarray, left: np.ndarray, mouth: np.ndarray) -> Clip:
    """A face of discs and lines: eyes are discs, or lines where they are shut; the mouth is as open as it says, px."""
    frames = np.full((len(right), SIDE, SIDE), 0.6, np.float32)
    for frame, *shut, height in zip(frames, right, left, mouth, strict=True):
        for (x, y), closed in zip(MARKS[:2].tolist(), shut, strict=True):
            axes = (4, 0) if closed else (4, 3)
            cv2.ellipse(frame, (round(x), round(y)), axes, 0, 0, 360, (0.1,), -1)
        cv2.ellipse(frame, (24, 34), (7, int(height)), 0, 0, 360, (0.15,), -1)
    return a_clip(np.repeat(frames[:, None], 3, axis=1))


def look(clip: Clip, kind: str) -> dict[str, float]:
    return told(clip, blurred(clip), kind)


def test_eyes_that_blink_as_one() -> None:
    got = look(drawn(SHUT, SHUT, np.zeros(12)), "blink")
    assert got["whole.together"] == pytest.approx(1, abs=1e-3)
    for eye in ("right_eye", "left_eye"):
        assert got[f"{eye}.skew"] == pytest.approx(-10 / np.sqrt(11), abs=0.1)  # One of twelve: (1 - 2p) / sqrt(p q).
        assert got[f"{eye}.spread"] > 0.1
        # Two of eleven changes are the dip, d; of the frames one: a deviation of d sqrt(11) / 12.
        assert got[f"{eye}.flutter"] == pytest.approx(got[f"{eye}.spread"] * 12 * np.sqrt(2) / 11, rel=0.01)


def test_an_eye_that_blinks_alone() -> None:
    got = look(drawn(SHUT, 0 * SHUT, np.zeros(12)), "blink")
    assert abs(got["whole.together"]) < 0.7
    assert got["right_eye.spread"] > 5 * got["left_eye.spread"]


def test_eyes_that_blink_in_turn_are_not_together() -> None:
    got = look(drawn(SHUT, np.roll(SHUT, 3), np.zeros(12)), "blink")
    assert got["whole.together"] < 0.1


def test_open_eyes_do_not_vary() -> None:
    got = look(drawn(0 * SHUT, 0 * SHUT, np.zeros(12)), "blink")
    assert got["right_eye.spread"] == pytest.approx(0, abs=1e-4)
    assert got["right_eye.flutter"] == pytest.approx(0, abs=1e-4)


def test_a_mouth_that_talks_varies() -> None:
    talking = look(drawn(0 * SHUT, 0 * SHUT, np.array([0, 2, 4, 1, 0, 3, 5, 2, 0, 1, 4, 2])), "mouth")
    silent = look(drawn(SHUT, SHUT, np.zeros(12)), "mouth")
    assert talking["mouth.spread"] > 0.1
    assert silent["mouth.spread"] == pytest.approx(0, abs=1e-3)
    assert talking["mouth.width_spread"] == pytest.approx(0, abs=1e-4)


def test_the_width_of_the_mouth_is_that_between_its_corners() -> None:
    """Narrow and wide in turn, by a tenth either way: the log width varies by half of log(1.1 / 0.9)."""
    clip = drawn(0 * SHUT, 0 * SHUT, np.zeros(12))
    marks = clip.landmarks.copy()
    half = (MARKS[4, 0] - MARKS[3, 0]) / 2 * (1 + 0.1 * (-1.0) ** np.arange(12))
    marks[:, 3, 0], marks[:, 4, 0] = 24 - half, 24 + half
    got = look(replace(clip, landmarks=marks), "mouth")
    assert got["mouth.width_spread"] == pytest.approx(np.log(1.1 / 0.9) / 2, abs=1e-3)
    assert got["mouth.width_flutter"] == pytest.approx(np.log(1.1 / 0.9), abs=1e-3)
