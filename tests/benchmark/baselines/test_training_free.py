"""Recipes of others, read off the features: against their definitions on reconstructions made here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from detector.benchmark.baselines.training_free import DISTANCES, ONE_CLASS, training_free, training_free_by_model
from detector.features import compute_features
from detector.types import Crops, FeatureTable, Reconstruction

OC1, OC2 = ONE_CLASS
FACES, SIDE = 3, 64


def table(columns: dict[str, list[float]]) -> FeatureTable:
    return FeatureTable(np.array(list(columns.values()), np.float32).T, tuple(columns))


@pytest.fixture
def drawn() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def crops(drawn: torch.Generator) -> Crops:
    """One crop a face, both views at once."""
    landmarks = np.array([[22, 26], [42, 26], [32, 36], [24, 46], [40, 46]], np.float32)
    return Crops(
        pixels=torch.rand((FACES, 3, SIDE, SIDE), generator=drawn).numpy(),
        landmarks=np.tile(landmarks, (FACES, 1, 1)),
        boxes=np.tile(np.array([0, 0, SIDE, SIDE], np.float32), (FACES, 1)),
        faces=np.arange(FACES),
        whole=np.ones(FACES, bool),
        native=np.ones(FACES, bool),
    )


@pytest.fixture
def made(drawn: torch.Generator) -> Reconstruction:
    """Noise for a reconstruction, further away from one face to the next, and codes of the two passes."""

    def noise(*shape: int) -> Tensor:
        return torch.randn((FACES, *shape), generator=drawn)

    first = Reconstruction(noise(3, SIDE, SIDE).mul(0.1).add(0.5).clamp(0, 1), noise(2, 8, 8), noise(2, 8, 8))
    change = noise(2, 8, 8) * torch.tensor([0.1, 0.3, 0.2]).reshape(-1, 1, 1, 1)
    return replace(first, second=replace(first, mean=first.mean + change))


def test_one_class_scores_are_the_papers(crops: Crops, made: Reconstruction) -> None:
    """The root mean square error of the picture, and of the code of its reconstruction."""
    said = training_free(compute_features(crops, made, "face-vae"))
    error = crops.pixels - made.pixels.numpy()
    assert said[OC1] == pytest.approx(np.sqrt((error**2).mean(axis=(1, 2, 3))), rel=1e-4)
    assert made.second is not None
    change = (made.second.mean - made.mean).numpy()
    assert said[OC2] == pytest.approx(np.sqrt((change**2).mean(axis=(1, 2, 3))), rel=1e-3)
    assert said[OC2].argsort().tolist() == [0, 2, 1]


def test_other_vaes_are_not_of_one_class(crops: Crops, made: Reconstruction) -> None:
    ours, other = (compute_features(crops, made, model) for model in ("face-vae", "sdxl-vae"))
    assert not {OC1, OC2} & training_free(other).keys()
    assert {OC1, OC2} <= training_free(other.join(ours)).keys()


def test_a_recipe_without_its_features_is_left_out(crops: Crops, made: Reconstruction) -> None:
    plain = replace(made, logvar=None)
    assert training_free(compute_features(crops, plain, "face-vae", ["error", "latent_shift", "posterior"])).keys() == {
        OC1,
        "AEROBLADE, mean absolute error",
    }
    assert training_free(compute_features(crops, made, "face-vae", ["spectrum"])) == {}


def test_the_view_of_the_paper_is_read() -> None:
    """AEROBLADE wants pixels as they are, OC-FakeDect the face in one crop."""
    said = training_free(
        table(
            {
                "face-vae.whole.error.whole.log_abs": [np.log(0.1), np.log(0.2)],
                "face-vae.whole.error.whole.tail": [0.0, np.log(1.5)],
                "face-vae.native.error.whole.log_abs": [-1.0, -2.0],
                "face-vae.native.error.whole.tail": [7.0, 7.0],
            }
        )
    )
    assert said[OC1] == pytest.approx([0.1, 0.3])
    assert said["AEROBLADE, mean absolute error"] == pytest.approx([1, 2])


def test_the_closest_vae_counts_and_each_is_told_alone() -> None:
    columns = {
        "a.native.structure.whole.ssim": [0.9, 0.2],
        "b.native.structure.whole.ssim": [0.5, 0.6],
        "b.native.error.whole.log_abs": [-3.0, -4.0],
        "eye.native.depth.whole.mean": [1.0, 1.0],
    }
    ssim, error = list(DISTANCES)[1:]
    assert training_free(table(columns))[ssim] == pytest.approx([0.9, 0.6])
    alone = training_free_by_model(table(columns))
    assert {model: list(scores) for model, scores in alone.items()} == {"a": [ssim], "b": [ssim, error]}
    assert alone["a"][ssim] == pytest.approx([0.9, 0.2])
    assert alone["b"][ssim] == pytest.approx([0.5, 0.6])
    assert alone["b"][error] == pytest.approx([3, 4])


def test_the_smallest_over_all_is_that_of_one(crops: Crops, made: Reconstruction) -> None:
    """Property: the score of all VAEs is the largest of those of each alone."""
    blurred = replace(made, pixels=made.pixels.flip(0))
    both = compute_features(crops, made, "one").join(compute_features(crops, blurred, "other"))
    alone = training_free_by_model(both)
    for name, scores in training_free(both).items():
        assert scores == pytest.approx(np.maximum(alone["one"][name], alone["other"][name]))
