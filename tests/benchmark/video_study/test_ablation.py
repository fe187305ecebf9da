"""Rows of known content: what tells is found, what does not is at chance, and nothing leaks across what is held out."""

from __future__ import annotations

import numpy as np
import pytest

from detector.benchmark.extraction.store import FeatureStore, Unit
from detector.benchmark.measures.families import MEAN
from detector.benchmark.measures.held_out import Recipe
from detector.benchmark.video_study.ablation import HELD, measured, pair_auc, transferred
from detector.benchmark.video_study.material import CAMERA, Made
from detector.benchmark.video_study.study import Rows, VideoStudy, extract, gather
from detector.errors import ConfigError
from detector.types import FeatureTable, Sample

GENERATORS = (CAMERA, "swap", "trip")
RECIPE = Recipe(strength=10.0, folds=3)


def rows(photos: int = 24) -> Rows:
    """Columns: one that tells every fake, one that tells swaps alone, one of the photo, one of noise."""
    rng = np.random.default_rng(0)
    samples, generators, values = [], [], []
    for number in range(photos):
        source = ("a", "b")[number % 2]
        sample = Sample(f"{number}.png", 0, CAMERA, source, f"{source}:{number}", "train")
        for name in GENERATORS:
            samples.append(sample)
            generators.append(name)
            told = [4 * (name != CAMERA), 4 * (name == "swap"), number, 0]
            values.append(np.array(told) + rng.normal(0, 1, 4))
    names = ("mean.all", "mean.swap", "mean.photo", "blur.clip.noise")
    table = FeatureTable(np.array(values, np.float32), names)
    return Rows(tuple(samples), tuple(generators), (0,) * len(samples), table)


def test_what_tells_all_fakes_is_found_whatever_is_held_out() -> None:
    made = rows()
    found = measured("all", made.columns(["mean.all"]), made, RECIPE)
    assert found.columns == 1
    for held in HELD:
        assert found.estimates(held)[MEAN].value > 0.95, held


def test_what_tells_one_generator_is_lost_where_that_is_held_out() -> None:
    made = rows()
    found = measured("swap", made.columns(["mean.swap"]), made, RECIPE)
    assert found.estimates("met")["swap"].value > 0.9
    assert found.estimates("generator held out")["swap"].value < 0.8


def test_noise_and_the_photo_itself_are_at_chance() -> None:
    made = rows()
    found = measured("noise", made.columns(["mean.photo", "*.noise"]), made, RECIPE)
    for held in HELD:
        one = found.estimates(held)[MEAN]
        assert one.low <= 0.5 <= one.high, held


def test_a_gain_is_paired() -> None:
    made = rows()
    every, noise = (measured(name, made.columns([name]), made, RECIPE) for name in ("mean.all", "*.noise"))
    gain = every.gain(noise, "met")[MEAN]
    expected = every.estimates("met")[MEAN].value - noise.estimates("met")[MEAN].value
    assert gain.value == pytest.approx(expected)
    assert gain.low > 0
    assert every.gain(every, "met")[MEAN].low == 0


def test_scores_of_other_clips_are_deviations_of_the_real_ones() -> None:
    made = rows()
    values = made.columns(["mean.all"])
    real = np.array([name == CAMERA for name in made.generators])
    scores = transferred(values, made, values, RECIPE)
    assert scores[real].mean() == pytest.approx(0, abs=1e-6)
    assert scores[real].std() == pytest.approx(1, rel=1e-6)
    assert scores[~real].mean() > 2


def test_the_pair_is_compared_by_blocks_of_time() -> None:
    starts = np.tile(np.arange(8) * 48, 2)
    fake = np.repeat([False, True], 8)
    found = pair_auc(fake.astype(float), fake, starts, 48)
    assert (found.value, found.low, found.high) == (1, 1, 1)


def test_columns_that_nobody_has_are_refused() -> None:
    with pytest.raises(ConfigError, match="no column fits"):
        rows(2).columns(["motion.*"])


def test_the_base_must_be_a_row() -> None:
    with pytest.raises(ConfigError, match="base"):
        VideoStudy(rows={"motion": ("*",)}, base="frames")


def test_only_photos_of_which_every_clip_is_finished_are_gathered(tmp_path: object) -> None:
    folder = tmp_path  # type: ignore[assignment]
    store = FeatureStore(folder)  # type: ignore[arg-type]
    calls: list[bytes] = []

    def describer(content: bytes) -> Unit:
        calls.append(content)
        return Unit((0,), ("",), FeatureTable(np.ones((1, 1), np.float32), ("mean.a",)))

    made = [
        Made(Sample(f"{photo}.png", 0, CAMERA, "a", photo, "train"), name, f"{photo} {name}", photo.encode)
        for photo in ("x", "y")
        for name in GENERATORS
    ]
    extract(made[:4], describer, store, lambda _: None)  # type: ignore[arg-type]
    found = gather(made, store)
    assert [sample.path for sample in found.samples] == ["x.png"] * 3
    assert found.generators == GENERATORS
    extract(made, describer, store, lambda _: None)  # type: ignore[arg-type]
    assert len(calls) == 6, "what is finished is not done again"
    assert len(gather(made, FeatureStore(folder)).samples) == 6  # type: ignore[arg-type]
