"""Motion against the head's, of textures that are moved by known amounts."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from detector.features.motion.flow import FLOOR
from detector.types import Clip
from tests.features.motion.clips import MARKS, SIDE, a_clip, blurred, texture, told

SCENE = texture(3, SIDE + 32)
STILLNESS = np.log(FLOOR)


def moved(shifts: np.ndarray, angle: float = 0.0, scale: float = 1.0) -> Clip:
    """The scene and the face on it, each frame shifted (x, y) px, and turned and zoomed more and more."""
    frames, marks = [], []
    for number, (x, y) in enumerate(shifts):
        matrix = cv2.getRotationMatrix2D((40.0, 40.0), angle * number, scale**number)
        matrix[:, 2] += [x - 16, y - 16]
        frames.append(cv2.warpAffine(SCENE.transpose(1, 2, 0), matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC))
        marks.append((MARKS + 16) @ matrix[:, :2].T + matrix[:, 2])
    return a_clip(np.stack(frames).transpose(0, 3, 1, 2), marks=np.stack(marks))


def motion(clip: Clip) -> dict[str, float]:
    return told(clip, blurred(clip), "region_motion")


def test_a_translated_clip_moves_with_the_head() -> None:
    """One px right and half a px down at 25 frames a second, eyes 16 px apart: 1.75 eye distances per second."""
    got = motion(moved(np.arange(8)[:, None] * [1.0, 0.5]))
    speed = np.log(np.hypot(1, 0.5) * 25 / 16)
    for region in ("nose", "mouth", "forehead"):
        assert got[f"{region}.speed"] == pytest.approx(speed, abs=0.05)
        assert got[f"{region}.against_head"] < speed - 3
        assert got[f"{region}.against_landmarks"] < speed - 2
        assert got[f"{region}.coupling"] > 0.99
        assert got[f"{region}.unexplained"] < -1


def test_a_head_that_turns_and_comes_nearer_moves_as_one() -> None:
    got = motion(moved(np.zeros((8, 2)), angle=2, scale=1.02))
    for region in ("mouth", "jaw"):
        assert got[f"{region}.against_head"] < got[f"{region}.speed"] - 1.5
        assert got[f"{region}.against_landmarks"] < got[f"{region}.speed"] - 1


def test_a_still_clip_does_not_move_at_all() -> None:
    got = motion(moved(np.zeros((8, 2))))
    for statistic in ("speed", "against_head", "against_landmarks", "inner"):
        assert got[f"whole.{statistic}"] == pytest.approx(STILLNESS, abs=1e-3)
    assert got["whole.coupling"] == 0
    assert got["whole.unexplained"] == pytest.approx(0, abs=0.01)


def test_a_mouth_that_moves_alone_is_the_mouths() -> None:
    clip = moved(np.zeros((8, 2)))
    other = moved(np.sin(np.arange(8))[:, None] * [0.0, 1.5])
    clip.pixels[:, :, 29:40, 14:34] = other.pixels[:, :, 29:40, 14:34]
    got = motion(clip)
    alone = {name.split(".")[0]: value for name, value in got.items() if name.endswith(".against_head")}
    assert max(alone, key=alone.__getitem__) == "mouth"
    assert alone["mouth"] > alone["forehead"] + 1


def test_landmarks_that_move_where_nothing_does_are_told() -> None:
    still = moved(np.zeros((8, 2)))
    drifting = a_clip(still.pixels, marks=MARKS + np.arange(8)[:, None, None] * np.array([0.5, 0.0]))
    got = motion(drifting)
    assert got["nose.against_landmarks"] == pytest.approx(np.log(0.5 * 25 / 16), abs=0.01)
    assert got["nose.against_head"] == pytest.approx(STILLNESS, abs=1e-3)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_flow_has_the_same_bits_on_any_number_of_threads(threads: int) -> None:
    clip, before = moved(np.arange(3)[:, None] * [1.0, 0.5]), cv2.getNumThreads()
    try:
        cv2.setNumThreads(threads)
        some = motion(clip)
        cv2.setNumThreads(3)
        assert motion(clip) == some
    finally:
        cv2.setNumThreads(before)
