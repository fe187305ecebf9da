"""Shots: cuts, fades and dissolves between photos, and all that is none of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from detector.errors import UsageError
from detector.faces import ShotCutter
from detector.faces.shots import SAMPLES
from detector.media import Sampling, open_media
from detector.types import Array, Frame, Pixels
from tests.faces.sequences import dissolved, faded, flashed, pictures, shot, to_frames


@pytest.fixture(scope="module")
def photos() -> list[Pixels]:
    return pictures()


def numbers(frames: Sequence[Array], fps: float = 25) -> list[int]:
    cutter = ShotCutter()
    return [cutter.update(frame) for frame in to_frames(frames, fps)]


@pytest.mark.parametrize(("fps", "count"), [(1, 8), (25, 8), (240, 64)])
def test_a_cut_is_found_where_it_is(photos: list[Pixels], fps: float, count: int) -> None:
    rng = np.random.default_rng(0)
    frames = [frame for photo in photos[:4] for frame in shot(photo, count, rng)]

    assert numbers(frames, fps) == [number for number in range(4) for _ in range(count)]


@pytest.mark.parametrize(("pan", "zoom"), [(0.01, 1.0), (0.05, 1.0), (0.0, 1.03), (0.0, 0.97), (0.03, 1.02)])
def test_a_camera_that_moves_makes_no_cut(photos: list[Pixels], pan: float, zoom: float) -> None:
    for photo in photos:
        assert set(numbers(shot(photo, 16, np.random.default_rng(1), pan=pan, zoom=zoom))) == {0}


@pytest.mark.parametrize("gain", [1.3, 2.0, 3.5])
def test_a_flash_makes_no_cut(photos: list[Pixels], gain: float) -> None:
    for photo in photos[:4]:
        assert set(numbers(flashed(shot(photo, 20, np.random.default_rng(2)), 8, gain))) == {0}


@pytest.mark.parametrize("level", [0, 255])
def test_a_fade_is_one_boundary_in_its_second_half(photos: list[Pixels], level: float) -> None:
    rng = np.random.default_rng(3)
    for one, two in pairwise(photos):
        found = numbers(faded(shot(one, 30, rng), shot(two, 30, rng), 10, level))
        assert found[-1] == 1
        assert 28 <= found.index(1) <= 40


def test_what_comes_back_out_of_the_dark_is_the_same_shot(photos: list[Pixels]) -> None:
    frames = shot(photos[0], 60, np.random.default_rng(4))
    assert set(numbers(faded(frames[:30], frames[30:], 8))) == {0}


def test_a_dissolve_is_found_when_it_is_over(photos: list[Pixels]) -> None:
    rng = np.random.default_rng(5)
    for count in (12, 25):
        found = numbers(dissolved(shot(photos[0], 50, rng), shot(photos[1], 60, rng), count))
        assert found[-1] == 1
        assert 49 - count // 2 <= found.index(1) <= 60, "at its end, not long after it"


def test_precision_and_recall_on_made_sequences(photos: list[Pixels]) -> None:
    """Cuts between six photos, with cameras that move and flashes: nearly all are found, and nearly nothing else."""
    rng = np.random.default_rng(6)
    hits = wanted = extra = 0
    for _ in range(4):
        order, frames, cuts = rng.permutation(len(photos)), list[Array](), []
        for place in order:
            made = shot(photos[place], 16, rng, pan=rng.choice([0, 0.01, 0.03]), zoom=rng.choice([1, 1.01, 0.985]))
            cuts.append(len(frames))
            frames += flashed(made, 7, 1.8) if rng.random() < 0.3 else made
        found = set((np.flatnonzero(np.diff(numbers(frames))) + 1).tolist())
        hits, wanted = hits + len(found & set(cuts[1:])), wanted + len(cuts) - 1
        extra += len(found - set(cuts[1:]))
    assert hits / wanted >= 0.95
    assert hits / (hits + extra) >= 0.95


def test_numbers_never_fall_whatever_comes() -> None:
    rng, cutter = np.random.default_rng(7), ShotCutter()
    found = []
    for number in range(40):
        shape = rng.integers(1, 60, 2)
        pixels = np.full((*shape, 3), rng.integers(256), np.uint8)
        noisy = rng.integers(0, 256, (*shape, 3)).astype(np.uint8)
        found.append(cutter.update(Frame(noisy if number % 3 else pixels, number / 5)))
    assert found == sorted(found)
    assert found[0] == 0
    assert len(cutter._past) <= SAMPLES


def test_frames_must_come_in_order() -> None:
    cutter, pixels = ShotCutter(), np.zeros((8, 8, 3), np.uint8)
    cutter.update(Frame(pixels, 1.0))
    for time in (0.5, float("nan")):
        with pytest.raises(UsageError, match=r"expected 1\.0 s or later"):
            cutter.update(Frame(pixels, time))


@pytest.mark.data
def test_real_clips_of_one_shot_have_one(shared) -> None:  # type: ignore[no-untyped-def]
    clips = sorted((shared / "data" / "real" / "clips").glob("*.mp4"))
    assert clips
    for path in clips:
        cutter = ShotCutter()
        frames = open_media(path).frames(Sampling(frames=24))
        assert {cutter.update(frame) for frame in frames} == {0}, path.name
