"""The network trained in place: it learns what is there, and nothing where there is nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from detector.benchmark.baselines import network
from detector.benchmark.baselines.network import SIDE, NetworkConfig, fit_network, window
from detector.benchmark.baselines.network_state import State, load_body
from detector.benchmark.histories.history import Remade
from detector.benchmark.measures.metrics import Labels, auc
from detector.errors import ConfigError, ShapeError, WeightsError
from detector.types import Array, Face, Frame
from tests.benchmark.fakes import picture

PX = 48
BRIEF = NetworkConfig(steps=30, batch=8, rate=1e-3)
"""Of the embedded network."""
SHORT = NetworkConfig("new_network", steps=6, batch=2)
"""Of one that is small and knows nothing."""


@pytest.fixture(scope="module", autouse=True)
def new_network() -> None:
    """A network of timm whose "pretrained" weights need no fetching."""
    import timm

    def new_network(pretrained: bool = False, **how: Any) -> Any:
        assert pretrained
        return timm.create_model("test_efficientnet", pretrained=False, **how)

    timm.models.register_model(new_network)


def windows(seeds: Sequence[int]) -> tuple[Array, Labels]:
    """Every second one has the planted trace."""
    labels = np.arange(len(seeds)) % 2
    pixels = [picture(seed, bool(label))[:PX, :PX] for seed, label in zip(seeds, labels, strict=True)]
    return np.stack(pixels).reshape(len(seeds), -1).astype(np.float32), labels


@cache
def train() -> tuple[Array, Labels]:
    return windows(range(40))


@cache
def held_out() -> tuple[Array, Labels]:
    return windows(range(100, 140))


def origins(labels: Labels) -> np.ndarray[Any, np.dtype[np.str_]]:
    return np.where(labels == 1, "gan", "camera")


def scores(config: NetworkConfig, checkpoint: Path) -> np.ndarray[Any, np.dtype[np.float64]]:
    values, labels = train()
    return fit_network(values, labels, origins(labels), config, checkpoint)(held_out()[0])


def weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    kept: dict[str, torch.Tensor] = torch.load(checkpoint, weights_only=True)["average"]
    return kept


def test_a_planted_trace_is_learnt(tmp_path: Path) -> None:
    found = scores(BRIEF, tmp_path / "network.pt")
    assert found.dtype == np.float64
    assert ((found >= 0) & (found <= 1)).all()
    assert auc(held_out()[1], found) > 0.98


def test_nothing_is_learnt_of_labels_that_say_nothing(tmp_path: Path) -> None:
    """Half of each class has the trace, in training and after."""
    labels = np.arange(40) // 2 % 2
    score = fit_network(train()[0], labels, origins(labels), BRIEF, tmp_path / "network.pt")
    assert 0.25 < auc(labels, score(held_out()[0])) < 0.75


def test_an_interrupted_training_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "EVERY", 2)
    whole = scores(SHORT, tmp_path / "whole.pt")
    steps, follow = [], State.follow

    def interrupted(state: State) -> None:
        steps.append(state.step)
        if len(steps) == 5:
            raise KeyboardInterrupt
        follow(state)

    monkeypatch.setattr(State, "follow", interrupted)
    with pytest.raises(KeyboardInterrupt):
        scores(SHORT, tmp_path / "part.pt")
    assert_array_equal(scores(SHORT, tmp_path / "part.pt"), whole)
    assert steps == [1, 2, 3, 4, 5, 5, 6]
    again = weights(tmp_path / "part.pt")
    assert all(torch.equal(value, again[name]) for name, value in weights(tmp_path / "whole.pt").items())
    assert not list(tmp_path.glob("*.part"))


def test_a_finished_training_is_read_and_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = scores(SHORT, tmp_path / "network.pt")
    monkeypatch.setattr(State, "follow", None)
    assert_array_equal(scores(SHORT, tmp_path / "network.pt"), first)


def test_the_seed_decides(tmp_path: Path) -> None:
    first = scores(SHORT, tmp_path / "0.pt")
    torch.rand(3)  # randomness of others is not read, and not disturbed
    before = torch.get_rng_state()
    assert_array_equal(scores(SHORT, tmp_path / "same.pt"), first)
    assert_array_equal(torch.get_rng_state(), before)
    assert (scores(replace(SHORT, seed=1), tmp_path / "1.pt") != first).any()


@pytest.mark.parametrize("stale", ["rate", "steps", "labels", "values", "origins"])
def test_a_stale_checkpoint_is_not_used(stale: str, tmp_path: Path) -> None:
    values, labels = train()
    config, names = SHORT, origins(labels)
    fit_network(values, labels, names, config, tmp_path / "network.pt")
    if stale in ("rate", "steps"):
        config = replace(config, **{stale: 2 * getattr(config, stale)})
    elif stale == "labels":
        labels = 1 - labels
    elif stale == "values":
        values = values[:, ::-1].copy()
    else:
        names = np.where(np.arange(len(names)) < 10, "other", names)
    used = fit_network(values, labels, names, config, tmp_path / "network.pt")
    fresh = fit_network(values, labels, names, config, tmp_path / "fresh.pt")
    assert_array_equal(used(values), fresh(values))


def test_rows_are_drawn_so_that_classes_and_origins_are_balanced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 4 + 16 fakes and 20 real faces: classes 1 to 1, the two generators as the roots of their numbers, 1 to 2."""
    values, _ = train()
    labels = np.repeat([0, 1], 20)
    names = np.repeat(["camera", "few", "many"], [20, 4, 16])
    chances: list[Array] = []

    def draw(*given: Any) -> Any:
        chances.append(given[2])
        return kept(*given)

    kept = network._draw
    monkeypatch.setattr(network, "_draw", draw)
    fit_network(values, labels, names, replace(SHORT, steps=1), tmp_path / "network.pt")
    shares = [chances[0][names == name].sum() for name in ("camera", "few", "many")]
    assert shares == pytest.approx([1 / 2, 1 / 6, 1 / 3])


def test_the_normalisation_stays_as_it_was(tmp_path: Path) -> None:
    scores(NetworkConfig(steps=2, batch=2), tmp_path / "network.pt")
    after, before = weights(tmp_path / "network.pt"), load_body(NetworkConfig().model).state_dict()
    running = [name for name in before if name.endswith(("running_mean", "running_var"))]
    assert running
    assert all(torch.equal(after[f"body.{name}"], before[name]) for name in running)
    assert not torch.equal(after["body.conv_stem.weight"], before["conv_stem.weight"])


def test_the_learning_rate_rises_and_falls_to_nothing() -> None:
    factors = [network._cycle(gone) for gone in (0.05, 0.1, 0.55, 1.0)]
    assert factors == pytest.approx([0.5, 1, 0.5, 0])


def test_a_window_is_the_middle_of_the_face() -> None:
    """Of a ramp whose pixel is x, y, (x + y) / 2: the box's centre is (100.5, 120), the window's corner (36, 56)."""
    y, x = np.mgrid[:240, :220]
    ramp = np.stack([x, y, (x + y) // 2], -1).astype(np.uint8)
    face = Face(np.array([50, 60, 151, 180], np.float32), np.zeros((5, 2), np.float32), 1.0)
    numbers = window(Path("no such file"), Remade(Frame(ramp), face))
    values = np.array(list(numbers.values()))
    assert len(values) == 3 * SIDE * SIDE
    assert list(numbers)[:2] == ["network.native.pixels.picture.0", "network.native.pixels.picture.1"]
    assert values[:6].tolist() == [36, 56, 46, 37, 56, 46]
    assert_array_equal(values.reshape(SIDE, SIDE, 3), ramp[56 : 56 + SIDE, 36 : 36 + SIDE])


def test_a_window_of_a_small_picture_repeats_its_edge(astronaut_face: Face) -> None:
    grey = Remade(Frame(np.full((50, 70, 3), 7, np.uint8)), astronaut_face)
    assert set(window(Path(), grey).values()) == {7}


def test_a_network_that_cannot_be_had_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no model 'resnet_18'; of similar names: resnet18"):
        scores(replace(SHORT, model="resnet_18"), tmp_path / "network.pt")
    with pytest.raises(
        WeightsError, match="no weights of timm's test_resnet: fetch them once while online, or use tf_"
    ):
        scores(replace(SHORT, model="test_resnet"), tmp_path / "network.pt")


def test_what_cannot_be_trained_on_is_refused(tmp_path: Path) -> None:
    values, labels = train()
    path = tmp_path / "network.pt"
    with pytest.raises(ShapeError, match=r"expected windows \(N, 3 \* S \* S\), got \(40, 6911\)"):
        fit_network(values[:, 1:], labels, origins(labels), SHORT, path)
    for wrong in (0.5, np.nan, -1, 256):
        spoilt = values.copy()
        spoilt[3, 5] = wrong
        with pytest.raises(ShapeError, match="integers from 0 to 255"):
            fit_network(spoilt, labels, origins(labels), SHORT, path)
    with pytest.raises(ConfigError, match=r"both classes, 0 and 1, to train on, got \{0\}"):
        fit_network(values[::2], labels[::2], origins(labels[::2]), SHORT, path)
    with pytest.raises(ConfigError, match="steps, batch and rate above 0"):
        NetworkConfig(steps=0)


def test_a_damaged_checkpoint_is_told(tmp_path: Path) -> None:
    scores(SHORT, tmp_path / "network.pt")
    whole = (tmp_path / "network.pt").read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"not a checkpoint"):
        (tmp_path / "network.pt").write_bytes(damaged)
        with pytest.raises(WeightsError, match=r"network\.pt: expected a checkpoint; delete it to start afresh"):
            scores(SHORT, tmp_path / "network.pt")
