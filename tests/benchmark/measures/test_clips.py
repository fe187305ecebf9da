"""Frames to clips: figures by hand, missing scores, and names that must not meet."""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from detector.benchmark.measures.clips import AGGREGATES, by_clip
from detector.benchmark.measures.evaluate import Answers
from detector.benchmark.measures.metrics import Scores
from detector.errors import UnknownNameError, UsageError
from detector.types import Sample

FRAMES = Answers(
    labels=np.array([1, 0, 1, 0, 1]),
    groups=np.array(["p", "q", "p", "q", "r"]),
    origins=np.array(["gan", "camera", "gan", "camera", "sd"]),
    probability={
        "ours": np.array([0.9, 0.2, 0.5, 0.4, 0.7]),
        "theirs": np.array([np.nan, 0.1, 0.3, np.nan, np.nan]),
    },
)
VIDEOS = np.array(["z/1", "a/1", "z/1", "a/1", "m/1"])


def test_figures_by_hand() -> None:
    clips = by_clip(FRAMES, VIDEOS, "mean")
    assert_array_equal(clips.labels, [1, 0, 1])
    assert_array_equal(clips.groups, ["p", "q", "r"])
    assert_array_equal(clips.origins, ["gan", "camera", "sd"])
    assert clips.probability["ours"] == pytest.approx([0.7, 0.3, 0.7], abs=1e-12)
    assert_array_equal(clips.probability["theirs"], [0.3, 0.1, np.nan])


def test_every_aggregate_by_hand() -> None:
    """Of 0.00 to 0.31, a tenth is 3.2 frames, so four: 0.28 to 0.31."""
    scores = np.random.default_rng(0).permutation(32) / 100
    expected = {"mean": 0.155, "max": 0.31, "top-k": 0.295, "median": 0.155}
    assert {name: found(scores) for name, found in AGGREGATES.items()} == pytest.approx(expected, abs=1e-12)
    assert AGGREGATES["top-k"](np.arange(30.0)) == 28
    assert AGGREGATES["median"](np.array([0.1, 0.2, 0.9])) == 0.2


@pytest.mark.parametrize("name", AGGREGATES)
@given(
    scores=st.lists(st.floats(0, 1), min_size=1, max_size=40).map(np.array),
    missing=st.integers(0, 5),
    seed=st.integers(0, 99),
)
def test_an_aggregate_lies_among_its_frames_in_any_order(name: str, scores: Scores, missing: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames = rng.permutation(np.r_[scores, np.full(missing, np.nan)])
    count = len(frames)
    answers = Answers(np.ones(count, int), np.full(count, "g"), np.full(count, "gan"), {"it": frames})
    [found] = by_clip(answers, np.full(count, "clip"), name).probability["it"]
    assert scores.min() - 1e-12 <= found <= scores.max() + 1e-12
    assert found == pytest.approx(AGGREGATES[name](np.sort(scores)), abs=1e-12)


@pytest.mark.parametrize("name", AGGREGATES)
def test_a_picture_is_a_clip_of_one_frame(name: str) -> None:
    clips = by_clip(FRAMES, np.array(list("edcba")), name)
    assert_array_equal(clips.probability["theirs"], FRAMES.probability["theirs"])
    assert_array_equal(clips.origins, FRAMES.origins)


def test_two_manipulations_of_one_clip_stay_apart() -> None:
    """FaceForensics++ calls both 000_003; by that bare name they would be one clip of one generator less."""
    samples = [
        Sample(f"{folder}/000_003/{frame}.png", 1, folder, "ff++", "000", "test", clip=f"{folder}/000_003")
        for folder in ("Deepfakes", "NeuralTextures")
        for frame in range(3)
    ]
    scores = np.array([0.9, 0.8, 0.7, 0.3, 0.2, 0.1])
    origins = np.array([sample.generator for sample in samples])
    frames = Answers(np.ones(6, int), np.full(6, "000"), origins, {"it": scores})
    clips = by_clip(frames, np.array([sample.video for sample in samples]), "mean")
    assert clips.probability["it"] == pytest.approx([0.8, 0.2], abs=1e-12)
    assert_array_equal(clips.origins, ["Deepfakes", "NeuralTextures"])
    bare = np.array([PurePosixPath(sample.video).name for sample in samples])
    with pytest.raises(UsageError, match=r"'000_003': expected one origin, got Deepfakes and NeuralTextures"):
        by_clip(frames, bare, "mean")
    blind = Answers(frames.labels, frames.groups, np.full(6, "fake"), frames.probability)
    assert by_clip(blind, bare, "mean").probability["it"] == pytest.approx([0.5], abs=1e-12)


@pytest.mark.parametrize(
    ("row", "message"),
    [(3, "'z/1': expected one label, got 1 and 0"), (4, "'z/1': expected one group, got p and r")],
)
def test_frames_of_one_clip_agree(row: int, message: str) -> None:
    videos = VIDEOS.copy()
    videos[row] = "z/1"
    with pytest.raises(UsageError, match=message):
        by_clip(FRAMES, videos, "max")


def test_an_unknown_aggregate_is_told() -> None:
    with pytest.raises(UnknownNameError, match=r"aggregate 'mode'; known: max, mean, median, top-k"):
        by_clip(FRAMES, VIDEOS, "mode")
