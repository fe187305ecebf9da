"""What a linear classifier tells: planted traces are found, noise is not, and a family that is left out stays out."""

from __future__ import annotations

import numpy as np
import pytest

from detector.benchmark.vae_study.separation import Separation, Who, separation
from detector.types import Array, FeatureTable

REAL, FAKE = 60, 30


def who() -> Who:
    """Real faces of two cameras, fakes of two generators; two rows to a group."""
    origins = ["a"] * (REAL // 2) + ["b"] * (REAL // 2) + ["gan"] * FAKE + ["diffusion"] * FAKE
    labels = np.array([0] * REAL + [1] * 2 * FAKE, np.int64)
    return Who(labels, np.array([str(row // 2) for row in range(len(labels))]), np.array(origins))


def table(columns: Array) -> FeatureTable:
    return FeatureTable(columns.astype(np.float32), tuple(f"m.whole.error.whole.{n}" for n in range(columns.shape[1])))


def planted() -> Array:
    """The first column betrays the GAN, the second the diffusion model, the third is noise."""
    rng, truth = np.random.default_rng(0), who()
    columns = rng.normal(size=(len(truth.labels), 3))
    columns[truth.origins == "gan", 0] += 6
    columns[truth.origins == "diffusion", 1] += 6
    return columns.astype(np.float32)


def test_a_family_is_told_by_its_own_trace_only_when_it_was_met() -> None:
    told = separation(table(planted()), who(), 10.0)
    assert told.met["mean"].value > 0.97
    assert told.left_out["mean"].value < 0.75
    assert told.met["mean"].value == pytest.approx(np.mean([told.met[g].value for g in ("gan", "diffusion")]))


def test_a_trace_that_families_share_is_told_without_meeting_one() -> None:
    columns = planted()[:, 2:]
    columns[who().labels == 1] += 6
    assert separation(table(columns), who(), 10.0).left_out["mean"].value > 0.97


def test_noise_tells_nothing() -> None:
    rows = np.random.default_rng(1).normal(size=(REAL + 2 * FAKE, 5)).astype(np.float32)
    assert 0.3 < separation(table(rows), who(), 100.0).met["mean"].value < 0.7


def test_a_group_is_never_on_both_sides() -> None:
    """Two equal rows to a group, and nothing else to learn from: to know the one by heart must not help."""
    rng, truth = np.random.default_rng(2), who()
    rows = rng.normal(size=(len(truth.labels) // 2, 400)).repeat(2, axis=0).astype(np.float32)
    assert separation(table(rows), truth, 1.0).met["mean"].value < 0.7


def test_by_hand() -> None:
    """Reals at 1 and 3; one generator at 2 and 4 (AUC 3/4), another at 0 and 0 (AUC 0): on average 3/8."""
    labels = np.array([0, 0, 1, 1, 1, 1], np.int64)
    truth = Who(labels, np.array(list("abcdef")), np.array(["x", "x", "g", "g", "h", "h"]))
    scores = np.array([1.0, 3.0, 2.0, 4.0, 0.0, 0.0])
    told = Separation(truth, scores, {"g": scores, "h": -scores})
    assert told.met["g"].value == 0.75
    assert told.met["mean"].value == 0.375
    assert told.left_out["mean"].value == (0.75 + 1.0) / 2
    met, left_out = told.beyond(Separation(truth, scores, {"g": scores, "h": scores}))
    assert met.value == 0
    assert left_out.value == pytest.approx(0.5)


def test_both_classes_weigh_the_same_and_each_origin_too() -> None:
    truth = Who(np.array([0, 0, 0, 1], np.int64), np.array(list("abcd")), np.array(["x", "x", "y", "g"]))
    np.testing.assert_allclose(truth.weights(np.arange(4)), [0.5, 0.5, 1.0, 2.0])
